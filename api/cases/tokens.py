"""Cuts text into the words by which it is found: whole words, and pairs of characters where nobody writes spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_TOKENS = 400
"""Of one case: what is beyond is not found, so that a long row of comments cannot swell the index."""

_LONGEST = 40
_UNSPACED = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Han, Hiragana and Katakana; Hangul has spaces."""

_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")


def tokens_of(texts: Iterable[str | None]) -> list[str]:
    """Returns the tokens of a case, each once, sorted; of Chinese each character and each pair of neighbours."""
    found: set[str] = set()
    for text in texts:
        for run in _runs(text or ""):
            if _is_unspaced(run):
                found.update(run)
                found.update(_pairs(run))
            else:
                found.add(run[:_LONGEST])
        if len(found) >= MAX_TOKENS:
            break
    return sorted(found)[:MAX_TOKENS]


def asked_tokens(query: str) -> list[str]:
    """Returns the tokens that a case must have all of; pairs of characters imply their single ones."""
    found: set[str] = set()
    for run in _runs(query):
        if _is_unspaced(run):
            found.update(_pairs(run) if len(run) > 1 else run)
        else:
            found.add(run[:_LONGEST])
    return sorted(found)


def _runs(text: str) -> list[str]:
    # Folded first: a full-width letter is the letter, in whatever case.
    return _RUNS.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def _is_unspaced(run: str) -> bool:
    return re.match(rf"[{_UNSPACED}]", run) is not None


def _pairs(run: str) -> set[str]:
    return {run[at : at + 2] for at in range(len(run) - 1)}
