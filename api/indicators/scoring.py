"""What a city decides about its indicators: the weights of the score, and what one review costs an operator."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Self

from api.settings import SettingsError

SCORING_CSV = Path(__file__).parent / "scoring.csv"
_COLUMNS = ["key", "value", "note"]
_REVIEW_S = "review_s"
_MOST = 86_400


class ScoringError(SettingsError):
    """The table of the score cannot be used; the message names file, line and what was expected."""


class Term(StrEnum):
    HANDLING = "handling"
    ON_TIME = "on_time"
    NO_REWORK = "no_rework"
    NO_OVERDUE = "no_overdue"
    NO_EXTENSION = "no_extension"


@dataclass(frozen=True, slots=True)
class Scoring:
    """weights: of the score's terms; they need not make a hundred. review_s: an operator's seconds per alarm."""

    weights: Mapping[Term, Decimal]
    review_s: Decimal

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Reads the file, or the table of this release. Raises: ScoringError."""
        path = path or SCORING_CSV
        values: dict[str, Decimal] = {}
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                if reader.fieldnames != _COLUMNS:
                    raise ScoringError(f"{path}, line 1: expected the columns {','.join(_COLUMNS)}")
                for row in reader:
                    where = f"{path}, line {reader.line_num}"
                    if row["key"] in values:
                        raise ScoringError(f"{where}: {row['key']} stands twice")
                    values[row["key"]] = _value(row["value"], where=where)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ScoringError(f"{path} cannot be read: {type(error).__name__}") from error
        if values.keys() != {*Term, _REVIEW_S}:
            raise ScoringError(f"{path}: expected each of {', '.join((*Term, _REVIEW_S))} once, and nothing else")
        weights = {term: values[term] for term in Term}
        if not any(weights.values()):
            raise ScoringError(f"{path}: expected a weight of more than 0 somewhere")
        return cls(weights, values[_REVIEW_S])


def _value(text: str | None, *, where: str) -> Decimal:
    try:
        value = Decimal(text or "")
    except InvalidOperation:
        value = Decimal(-1)
    if not (value.is_finite() and 0 <= value <= _MOST):
        raise ScoringError(f"{where}: expected a number from 0 to {_MOST}, got {text!r}")
    return value
