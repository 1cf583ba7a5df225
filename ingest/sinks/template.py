"""Fills words about an event into a text of the file of sinks."""

from __future__ import annotations

import string
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from ingest.contract import Event

WORDS = ("edge_id", "source_type", "source_id", "kind", "watch_id", "phase", "incident_id", "asset_id", "first_seen_at")


def _checked(text: str) -> str:
    expected = f"expected a text with words in braces out of {', '.join(WORDS)}"
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{expected}: {error}") from None
    for _, word, form, conversion in pieces:
        if word is not None and (word not in WORDS or form or conversion):
            raise ValueError(f"{expected}, got {{{word}}}")
    return text


Template = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_checked)]
"""A text with words in braces, such as ``{kind}``."""


def filled(template: str, event: Event) -> str:
    """Returns the text with its words filled in; what the event does not have is left out."""
    words = {
        "edge_id": event.edge_id,
        "source_type": event.source.type.value,
        "source_id": event.source.id,
        "kind": event.kind,
        "watch_id": event.watch_id,
        "phase": event.phase.value,
        "incident_id": str(event.incident_id),
        "asset_id": event.asset_id or "",
        "first_seen_at": event.first_seen_at.isoformat(timespec="seconds"),
    }
    return template.format_map(words)
