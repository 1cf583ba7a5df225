"""League tables: who did best in a period, and how that was in the one before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from api.indicators.counting import GroupKey
from api.indicators.formulas import Counts, score
from api.indicators.names import Names
from api.indicators.population import GroupBy, Scope
from api.indicators.scoring import Scoring
from api.people.callers import Caller


@dataclass(frozen=True, slots=True)
class Standing:
    """rank: 1 is best, and equal scores share one; None where there is no score. ``*_before``: one period earlier."""

    key: GroupKey
    counts: Counts
    score: Decimal | None
    rank: int | None
    score_before: Decimal | None
    rank_before: int | None

    @property
    def change(self) -> Decimal | None:
        """In points; None where one of the two scores is missing."""
        return None if self.score is None or self.score_before is None else self.score - self.score_before


def competitors(names: Names, caller: Caller, scope: Scope) -> list[GroupKey]:
    """Returns who is listed also without a case: all departments or grids that the caller may compare."""
    if names.by is GroupBy.DEPARTMENT:
        return names.keys if scope is Scope.ALL else []
    return [key for key in names.keys if caller.grids is None or key[0] in caller.grids]


def league(
    now: Mapping[GroupKey, Counts],
    before: Mapping[GroupKey, Counts],
    *,
    keys: Collection[GroupKey],
    scoring: Scoring,
) -> list[Standing]:
    """Returns a line for each of ``keys`` and for whoever else has cases, best first, those without a score last.

    What is outside all grids competes with nobody, and has no line.
    """
    scores, scores_before = _scores(now, scoring), _scores(before, scoring)
    ranks, ranks_before = _ranks(scores), _ranks(scores_before)
    standings = [
        Standing(
            key=key,
            counts=now.get(key, Counts()),
            score=scores.get(key),
            rank=ranks.get(key),
            score_before=scores_before.get(key),
            rank_before=ranks_before.get(key),
        )
        for key in {*keys, *now}
        if any(key)
    ]
    return sorted(standings, key=lambda one: (one.rank is None, one.rank or 0, one.key))


def _scores(groups: Mapping[GroupKey, Counts], scoring: Scoring) -> dict[GroupKey, Decimal]:
    scored = ((key, score(counts, scoring)) for key, counts in groups.items())
    return {key: points for key, points in scored if points is not None and any(key)}


def _ranks(scores: Mapping[GroupKey, Decimal]) -> dict[GroupKey, int]:
    """As published: who has the same two decimals has the same rank, and the next one's counts them all."""
    ranks: dict[Decimal, int] = {}
    for place, points in enumerate(sorted(scores.values(), reverse=True), start=1):
        ranks.setdefault(points, place)
    return {key: ranks[points] for key, points in scores.items()}
