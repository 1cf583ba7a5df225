"""Writes a bulletin as one HTML page that needs nothing from outside and prints well."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.indicators.tables import Bulletin, in_words

_TEMPLATES = Path(__file__).parent / "templates"

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever a name might smuggle in: the page may load and run nothing."""


def bulletin_as_html(bulletin: Bulletin) -> str:
    return _environment().get_template("bulletin.html").render(bulletin=bulletin, in_words=in_words)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
