"""Holds what was raised against what is known: recall, precision, and how late each thing was raised.

A thing has to be raised if it stayed for the dwell and two looks more, and must not be if it left before the dwell; in
between, both are right. Time that nobody watched (a gap between looks beyond the grace) counts for neither.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.looking.zones import overlap
from edge.trying.course import Course, Incident
from edge.trying.truth import Truth
from ingest.configuration import Policy, Watch

SAME_THING_IOU = 0.3
"""From this overlap on an incident's box is that of the thing: drawn boxes are never exact."""

LATE_LOOKS = 2
ABOUT_ALIKE = 0.7
ROUNDING_S = 0.05


@dataclass(frozen=True, slots=True)
class Right:
    """A thing and its incident. ``delay_s``: how long after its dwell it was raised; ``delay_looks``: that in looks."""

    truth: Truth
    incident: Incident
    delay_s: float
    delay_looks: float


@dataclass(frozen=True, slots=True)
class Wrong:
    incident: Incident
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """``expected`` things had to be raised; ``right`` holds those that were, and those that might be."""

    expected: int
    right: tuple[Right, ...]
    missed: tuple[Truth, ...]
    wrong: tuple[Wrong, ...]

    @property
    def recall(self) -> float:
        """1 where nothing was to be found."""
        return 1.0 - len(self.missed) / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """1 where nothing was raised."""
        raised = len(self.right) + len(self.wrong)
        return len(self.right) / raised if raised else 1.0

    def delay(self, percent: float, *, in_looks: bool = False) -> float | None:
        """Returns this percentile of the delays, in seconds or looks; None where nothing was raised rightly."""
        delays = [right.delay_looks if in_looks else right.delay_s for right in self.right]
        return round(float(np.percentile(delays, percent)), 3) if delays else None

    def as_json(self) -> dict[str, object]:
        return {
            "recall": round(self.recall, 4),
            "precision": round(self.precision, 4),
            "expected": self.expected,
            "right": [
                {"thing": r.truth.thing, "incident_id": str(r.incident.incident_id), "delay_s": round(r.delay_s, 3)}
                for r in self.right
            ],
            "delay_median_s": self.delay(50),
            "delay_p95_s": self.delay(95),
            "delay_median_looks": self.delay(50, in_looks=True),
            "delay_p95_looks": self.delay(95, in_looks=True),
            "missed": [{"thing": t.thing, "from_s": t.from_s, "to_s": t.to_s} for t in self.missed],
            "wrong": [
                {
                    "watch": w.incident.watch_id,
                    "number": w.incident.number,
                    "incident_id": str(w.incident.incident_id),
                    "raised_s": w.incident.raised_s,
                    "why": w.why,
                }
                for w in self.wrong
            ],
        }


def score_of(course: Course, truths: Sequence[Truth], watches: Sequence[Watch], *, look_every_s: float) -> Score:
    """Pairs incidents with things, the likeliest first, each once: a thing raised twice is wrong the second time."""
    scoring = _Scoring(course, watches, look_every_s)
    pairs = sorted(
        (
            (likeness, i, t)
            for i, incident in enumerate(scoring.incidents)
            for t, truth in enumerate(truths)
            if (likeness := scoring.likeness(incident, truth)) > 0
        ),
        reverse=True,
    )
    paired: dict[int, int] = {}
    _pair(pairs, paired)
    for likeness, i, t in pairs:
        if t not in paired or i in paired.values():
            continue
        best = scoring.incidents[paired[t]]
        # Of two that fit about alike the earlier one is the thing's, and the later one is the same thing raised again.
        about_alike = likeness >= ABOUT_ALIKE * scoring.likeness(best, truths[t])
        if about_alike and scoring.incidents[i].raised_s < best.raised_s:
            paired[t] = i
    # Or it is another thing's that has none yet.
    _pair(pairs, paired)
    incident_of = {t: scoring.incidents[i] for t, i in paired.items()}
    right = [
        scoring.right(truths[t], incident) for t, incident in incident_of.items() if scoring.may_be_raised(truths[t])
    ]
    rightly = {r.incident.incident_id for r in right}
    must = [t for t, truth in enumerate(truths) if scoring.must_be_raised(truth)]
    return Score(
        expected=len(must),
        right=tuple(right),
        missed=tuple(truths[t] for t in must if t not in incident_of),
        wrong=tuple(
            Wrong(incident, scoring.why_wrong(incident, truths, incident_of))
            for incident in scoring.incidents
            if incident.incident_id not in rightly
        ),
    )


def _pair(pairs: Sequence[tuple[float, int, int]], paired: dict[int, int]) -> None:
    """Gives incidents that are nobody's yet to things that have none, the likeliest first."""
    for _, i, t in pairs:
        if t not in paired and i not in paired.values():
            paired[t] = i


class _Scoring:
    def __init__(self, course: Course, watches: Sequence[Watch], look_every_s: float) -> None:
        asked = {watch.id for watch in watches}
        self.incidents = [incident for incident in course.incidents.values() if incident.watch_id in asked]
        self._course = course
        self._watches = watches
        self._look_every_s = look_every_s

    def likeness(self, incident: Incident, truth: Truth) -> float:
        """Returns 0..1: how much of the stay up to its raising lies in the thing's time, times the boxes' overlap."""
        watch = self._watch(incident)
        if not truth.is_of(watch):
            return 0.0
        until_s = max(incident.raised_s, incident.first_seen_s + ROUNDING_S)
        shared_s = min(until_s, truth.to_s) - max(incident.first_seen_s, truth.from_s)
        if shared_s <= 0:
            return 0.0
        in_time = shared_s / (until_s - incident.first_seen_s)
        if truth.box is None or incident.box_xyxy is None or watch.policy is not Policy.SAME:
            return in_time
        iou = overlap(truth.box, incident.box_xyxy)
        return in_time * iou if iou >= SAME_THING_IOU else 0.0

    def must_be_raised(self, truth: Truth) -> bool:
        watch = self._quickest(truth)
        return self._watched_s(truth, watch) >= watch.dwell_s + LATE_LOOKS * self._look_every_s - ROUNDING_S

    def may_be_raised(self, truth: Truth) -> bool:
        watch = self._quickest(truth)
        return self._watched_s(truth, watch) >= watch.dwell_s - ROUNDING_S

    def right(self, truth: Truth, incident: Incident) -> Right:
        watch = self._watch(incident)
        stayed_s = incident.raised_s - truth.from_s - self._unwatched_s(truth.from_s, incident.raised_s, watch.grace_s)
        delay_s = stayed_s - watch.dwell_s
        return Right(truth, incident, delay_s, delay_s / self._look_every_s)

    def why_wrong(self, incident: Incident, truths: Sequence[Truth], incident_of: dict[int, Incident]) -> str:
        likely = [(self.likeness(incident, truth), t) for t, truth in enumerate(truths)]
        likeness, t = max(likely, default=(0.0, 0))
        if likeness == 0:
            return "nothing of this watch stood there then"
        truth = truths[t]
        if incident_of.get(t) is not incident and self.may_be_raised(truth):
            return f"{truth.thing} was raised already"
        return f"{truth.thing} was there for {self._watched_s(truth, self._watch(incident)):.1f} s only"

    def _watched_s(self, truth: Truth, watch: Watch) -> float:
        to_s = min(truth.to_s, self._course.passed_s)
        return max(0.0, to_s - truth.from_s - self._unwatched_s(truth.from_s, to_s, watch.grace_s))

    def _unwatched_s(self, from_s: float, to_s: float, grace_s: float) -> float:
        gaps = ((max(a, from_s), min(b, to_s)) for a, b in itertools.pairwise(self._course.looks_s) if b - a > grace_s)
        return sum(max(0.0, b - a) for a, b in gaps)

    def _watch(self, incident: Incident) -> Watch:
        return next(watch for watch in self._watches if watch.id == incident.watch_id)

    def _quickest(self, truth: Truth) -> Watch:
        return min((watch for watch in self._watches if truth.is_of(watch)), key=lambda watch: watch.dwell_s)


def print_score(console: Console, score: Score) -> None:
    """Prints the figures, and what was missed and what was wrong."""
    table = Table("recall", "precision", "delay beyond dwell, median", "95 %", title="Against what is known")
    table.add_row(
        f"{score.recall:.3f} ({score.expected - len(score.missed)} of {score.expected})",
        f"{score.precision:.3f} ({len(score.right)} of {len(score.right) + len(score.wrong)})",
        *(_delay(score, percent) for percent in (50, 95)),
    )
    console.print(table)
    for truth in score.missed:
        console.print(f"missed: {escape(truth.thing)}, {truth.from_s:.1f} to {truth.to_s:.1f} s", highlight=False)
    for wrong in score.wrong:
        told = f"{wrong.incident.watch_id} {wrong.incident.number}, raised at {wrong.incident.raised_s:.1f} s"
        console.print(f"wrong: {escape(told)}: {escape(wrong.why)}", highlight=False)


def _delay(score: Score, percent: float) -> str:
    seconds, looks = score.delay(percent), score.delay(percent, in_looks=True)
    return "none" if seconds is None or looks is None else f"{seconds:.1f} s, {looks:.1f} looks"
