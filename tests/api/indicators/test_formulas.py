"""Rates and scores come out as a city publishes them: two decimals, half up, and none where there is nothing."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from api.indicators.formulas import Counts, Indicator, Rate, score, two_decimals
from api.indicators.scoring import SCORING_CSV, Scoring, ScoringError, Term


@pytest.mark.parametrize(
    ("numerator", "denominator", "published"),
    [
        (911, 972, "93.72"),
        (737, 972, "75.82"),
        (532, 647, "82.23"),
        (523, 632, "82.75"),
        (219, 220, "99.55"),
        (8602, 8678, "99.12"),
        (7948, 7959, "99.86"),
    ],
)
def test_published_figures_come_out_to_two_decimals(numerator: int, denominator: int, published: str) -> None:
    assert str(Rate(numerator, denominator).percent) == published


def test_a_zero_denominator_gives_no_rate() -> None:
    assert (Rate(0, 0).percent, Rate(0, 0).share) == (None, None)
    assert (Rate(0, 3).percent, Rate(3, 3).percent) == (Decimal(0), Decimal(100))
    assert {rate.percent for rate in Counts().rates().values()} == {None}


@pytest.mark.parametrize(
    ("number", "rounded"),
    [(Fraction(1, 200), "0.01"), (Fraction(1, 201), "0"), (Fraction(269, 200), "1.35"), (Fraction(267, 200), "1.34")],
)
def test_a_half_is_rounded_up_whether_the_digit_before_is_odd_or_even(number: Fraction, rounded: str) -> None:
    assert two_decimals(number) == Decimal(rounded)


def test_each_rate_has_the_denominator_of_its_definition() -> None:
    counts = Counts(
        due_to_handle=10, handled=8, handled_on_time=6, extended=3, overdue_open=1,
        due_to_close=5, closed=4, closed_on_time=2, reworked=1, received=20, filed=15,
    )  # fmt: skip

    assert {indicator: str(rate.percent) for indicator, rate in counts.rates().items()} == {
        Indicator.HANDLING: "80",
        Indicator.ON_TIME_HANDLING: "60",
        Indicator.CLOSING: "80",
        Indicator.ON_TIME_CLOSING: "40",
        Indicator.REWORK: "20",
        Indicator.EXTENSION: "30",
        Indicator.OVERDUE_OPEN: "10",
        Indicator.FILING: "75",
    }
    # By hand: 30 x 0.8 + 20 x 0.6 + 20 x (1 - 0.2) + 20 x (1 - 0.1) + 10 x (1 - 0.3) = 24 + 12 + 16 + 18 + 7.
    assert score(counts, Scoring.load()) == Decimal(77)


def test_a_term_without_a_rate_leaves_the_whole_to_the_others() -> None:
    # Nothing was due to be closed, so 80 points are to be had: 30 x 3/4 + 20 x 2/4 + 20 x 3/4 + 10 x 4/4 = 57.5 of 80.
    counts = Counts(due_to_handle=4, handled=3, handled_on_time=2, overdue_open=1)

    assert score(counts, Scoring.load()) == Decimal("71.88")
    assert score(Counts(), Scoring.load()) is None
    assert score(Counts(received=3, filed=3), Scoring.load()) is None


def test_counts_add_up_to_a_total() -> None:
    total = Counts.total([Counts(handled=1, due_to_handle=2), Counts(handled=2, due_to_handle=2), Counts()])
    assert total == Counts(handled=3, due_to_handle=4)


def test_a_city_replaces_the_weights(tmp_path: Path) -> None:
    text = SCORING_CSV.read_text(encoding="utf-8")
    own = tmp_path / "own.csv"
    own.write_text(text.replace("handling,30", "handling,0").replace("on_time,20", "on_time,7.5"), encoding="utf-8")

    # 7.5 x 1/2 + 20 x 1 of 27.5: nothing was due to be closed, and the other two terms count as before.
    scoring = Scoring.load(own)
    assert scoring.weights[Term.ON_TIME] == Decimal("7.5")
    assert score(Counts(due_to_handle=2, handled=2, handled_on_time=1), scoring) == Decimal("90.00")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("key,value,note", "term,value,note"), "line 1: expected the columns key,value,note"),
        (("handling,30", "handling,-1"), "line 2: expected a number from 0 to 86400, got '-1'"),
        (("handling,30", "handling,NaN"), "got 'NaN'"),
        (("on_time,20", "handling,20"), "line 3: handling stands twice"),
        (("review_s,30", "review_m,1"), "expected each of handling"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    broken = tmp_path / "own.csv"
    broken.write_text(SCORING_CSV.read_text(encoding="utf-8").replace(*change), encoding="utf-8")

    with pytest.raises(ScoringError) as refused:
        Scoring.load(broken)
    assert message in str(refused.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="cannot be read"):
        Scoring.load(tmp_path / "none.csv")
