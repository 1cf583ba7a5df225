"""Checks JSON that others wrote and that is kept as it came: carriable, and no deeper than anybody can show it."""

from __future__ import annotations

import json
from typing import Any

DEPTH_MAX = 32


class UnsoundDocument(ValueError):
    """A value was parsed from JSON and can still not be kept; the message says why, and shows nothing of it."""


def canonical_json(document: Any) -> bytes:
    """Returns the JSON text of a parsed value, the same for equal values.

    Raises: UnsoundDocument: For a number or a text that JSON does not carry, or nesting beyond ``DEPTH_MAX``.
    """
    _check_depth(document)
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        return text.encode()
    except ValueError:
        # Not chained: the error quotes what it could not write.
        raise UnsoundDocument("holds a number or a text that JSON does not carry") from None


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(DEPTH_MAX):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise UnsoundDocument(f"is nested more than {DEPTH_MAX} deep")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
