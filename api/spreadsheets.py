"""Keeps text that people wrote from being run as a formula by the spreadsheet that opens a file of ours."""

from __future__ import annotations

_BEGINS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""The wide ones too: a spreadsheet that is set to Chinese takes them for the narrow ones."""

_BREAKS = ("\t", "\r", "\n")
_UNSEEN = "\ufeff\u200b"


def harmless(text: str) -> str:
    """Puts an apostrophe before what would be taken for a formula, whatever blanks stand before it."""
    first = text.lstrip().lstrip(_UNSEEN).lstrip()
    return f"'{text}" if text.startswith(_BREAKS) or first.startswith(_BEGINS) else text
