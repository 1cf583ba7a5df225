"""Writes GeoReport's documents: one content, as JSON and as XML in the names and the nesting of its text.

http://wiki.open311.org/GeoReport_v2
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from fastapi import Response

Content: TypeAlias = "str | int | float | bool | Sequence[Content] | Mapping[str, Content] | None"

# What XML 1.0 cannot carry, escaped or not.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ITEMS = {
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}


class GeoReportFormat(StrEnum):
    JSON = "json"
    XML = "xml"


MEDIA_TYPES = {GeoReportFormat.JSON: "application/json; charset=utf-8", GeoReportFormat.XML: "text/xml; charset=utf-8"}


def answer(root: str, content: Content, form: GeoReportFormat, *, status: int = 200) -> Response:
    """root: the name of XML's outermost element; JSON has none."""
    body = _json(content) if form is GeoReportFormat.JSON else _xml(root, content)
    return Response(body, status_code=status, media_type=MEDIA_TYPES[form])


def error_answer(status: int, description: str, form: GeoReportFormat) -> Response:
    """Errors are an array, of one here; ``code`` is the HTTP status."""
    return answer("errors", [{"code": status, "description": description}], form, status=status)


def moment(at: datetime | None, zone: ZoneInfo) -> str | None:
    """Returns a time as GeoReport wants it: with the offset of the site's zone."""
    return None if at is None else at.astimezone(zone).isoformat(timespec="seconds")


def _json(content: Content) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _xml(root: str, content: Content) -> bytes:
    text: bytes = ElementTree.tostring(_element(root, content), encoding="utf-8", xml_declaration=True)
    return text


def _element(name: str, content: Content) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(content, Mapping):
        element.extend(_element(inner, value) for inner, value in content.items())
    elif isinstance(content, Sequence) and not isinstance(content, str):
        element.extend(_element(_ITEMS[name], item) for item in content)
    elif content is not None:
        element.text = _text(content)
    return element


def _text(content: Any) -> str:
    if isinstance(content, bool):
        return "true" if content else "false"
    return _NOT_IN_XML.sub("�", str(content))
