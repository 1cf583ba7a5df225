"""The formulas of the indicators: counts become rates, and rates a score. All exact; nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Self

from api.indicators.scoring import Scoring, Term


@dataclass(frozen=True, slots=True)
class Rate:
    """``numerator`` of ``denominator`` cases; of none at all there is no rate, neither 0 % nor 100 %."""

    numerator: int
    denominator: int

    @property
    def share(self) -> Fraction | None:
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    @property
    def percent(self) -> Decimal | None:
        """Of a hundred, two decimals, half up: 911 of 972 is 93.72."""
        return None if self.share is None else two_decimals(self.share * 100)


def two_decimals(number: Fraction) -> Decimal:
    """Rounds a number of 0 or more half up; decided on integers, as a float may lie on either side of a half."""
    return Decimal((2 * number.numerator * 100 + number.denominator) // (2 * number.denominator)) / 100


class Indicator(StrEnum):
    """The rates, in the order in which they are shown."""

    HANDLING = "handling"
    ON_TIME_HANDLING = "on_time_handling"
    CLOSING = "closing"
    ON_TIME_CLOSING = "on_time_closing"
    REWORK = "rework"
    EXTENSION = "extension"
    OVERDUE_OPEN = "overdue_open"
    FILING = "filing"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases of one group and period; what each of them counts is in docs/indicators.md."""

    due_to_handle: int = 0
    handled: int = 0
    handled_on_time: int = 0
    extended: int = 0
    overdue_open: int = 0
    due_to_close: int = 0
    closed: int = 0
    closed_on_time: int = 0
    reworked: int = 0
    received: int = 0
    filed: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        return sum(parts, cls())

    def rate(self, indicator: Indicator) -> Rate:
        numerator, denominator = _FORMULAS[indicator]
        return Rate(getattr(self, numerator), getattr(self, denominator))

    def rates(self) -> dict[Indicator, Rate]:
        return {indicator: self.rate(indicator) for indicator in Indicator}


_FORMULAS = {
    Indicator.HANDLING: ("handled", "due_to_handle"),
    Indicator.ON_TIME_HANDLING: ("handled_on_time", "due_to_handle"),
    Indicator.CLOSING: ("closed", "due_to_close"),
    Indicator.ON_TIME_CLOSING: ("closed_on_time", "due_to_close"),
    Indicator.REWORK: ("reworked", "due_to_close"),
    Indicator.EXTENSION: ("extended", "due_to_handle"),
    Indicator.OVERDUE_OPEN: ("overdue_open", "due_to_handle"),
    Indicator.FILING: ("filed", "received"),
}


def score(counts: Counts, scoring: Scoring) -> Decimal | None:
    """Returns 0 to 100, two decimals, half up; None where no term has a rate.

    A term without a rate is left out, and the others count as if their weights made up the whole: who was asked
    to close nothing is neither praised nor blamed for it.
    """
    weighed = [
        (Fraction(scoring.weights[term]), share)
        for term, share in _shares(counts).items()
        if share is not None and scoring.weights[term]
    ]
    weights = sum((weight for weight, _ in weighed), Fraction(0))
    return two_decimals(sum((w * s for w, s in weighed), Fraction(0)) / weights * 100) if weights else None


def _shares(counts: Counts) -> dict[Term, Fraction | None]:
    def missed(indicator: Indicator) -> Fraction | None:
        share = counts.rate(indicator).share
        return None if share is None else 1 - share

    return {
        Term.HANDLING: counts.rate(Indicator.HANDLING).share,
        Term.ON_TIME: counts.rate(Indicator.ON_TIME_HANDLING).share,
        Term.NO_REWORK: missed(Indicator.REWORK),
        Term.NO_OVERDUE: missed(Indicator.OVERDUE_OPEN),
        Term.NO_EXTENSION: missed(Indicator.EXTENSION),
    }
