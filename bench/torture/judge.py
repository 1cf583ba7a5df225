"""Compares what the edges committed with what became of it: every case, every event, every picture."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from bench.torture.script import Script

NAMED_AT_MOST = 3


@dataclass(slots=True)
class Expected:
    """What must be there: each incident's events and pictures, and which incidents make one case.

    events: which incident an event belongs to. groups: the incidents of a case, by its key in the script.
    """

    events: dict[UUID, UUID] = field(default_factory=dict)
    groups: dict[tuple[str, str], set[UUID]] = field(default_factory=lambda: defaultdict(set))
    pictures: set[tuple[UUID, str, str]] = field(default_factory=set)

    @property
    def incidents(self) -> set[UUID]:
        return set(self.events.values())


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database holds.

    reports: (report, incident, case). cases and incidents: how many reports each says it has counted.
    pictures: (incident, sha256, role).
    """

    reports: Sequence[tuple[UUID, UUID, UUID]]
    cases: Mapping[UUID, int]
    incidents: Mapping[UUID, tuple[UUID, int]]
    pictures: set[tuple[UUID, str, str]]


@dataclass(slots=True)
class Verdict:
    """``wrong`` says in words what does not hold; it is empty where all does."""

    in_cases: int = 0
    doubled: int = 0
    evidence_missing: int = 0
    evidence_altered: int = 0
    incidents: int = 0
    cases: int = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, what: str, which: Iterable[object]) -> int:
        """Notes what is wrong with each of ``which``; returns how many they are."""
        named = [str(one) for one in which]
        if named:
            self.wrong.append(f"{len(named)} {what}: {', '.join(named[:NAMED_AT_MOST])}{' ...' * (len(named) > 3)}")
        return len(named)


def expected_of(scripts: Iterable[Script]) -> Expected:
    """Draws all pictures of the scripts again, which takes a few seconds for ten thousand."""
    expected = Expected()
    for script in scripts:
        for event in script.events:
            incident_id = event.incident.incident_id
            expected.events[event.event_id] = incident_id
            expected.groups[script.edge_id, event.incident.case_key].add(incident_id)
            for picture in event.pictures:
                sha256 = hashlib.sha256(picture.jpeg()).hexdigest()
                expected.pictures.add((incident_id, sha256, picture.role.value))
    return expected


def judge_cases(expected: Expected, recorded: Recorded, verdict: Verdict) -> None:
    """Notes what is lost, what is counted twice, what lies in the wrong case, and what nobody scripted."""
    verdict.incidents, verdict.cases = len(recorded.incidents), len(recorded.cases)
    right = {report for report, incident, _ in recorded.reports if expected.events.get(report) == incident}
    verdict.in_cases = len(right)
    verdict.note("events are in no case", expected.events.keys() - right)
    strangers = [report for report, incident, _ in recorded.reports if expected.events.get(report) != incident]
    verdict.note("reports belong to no scripted incident", strangers)
    verdict.note("scripted incidents are not there", expected.incidents - recorded.incidents.keys())
    verdict.note("incidents are nobody's", recorded.incidents.keys() - expected.incidents)
    _judge_counts(recorded, verdict)
    _judge_groups(expected, recorded, verdict)


def _judge_counts(recorded: Recorded, verdict: Verdict) -> None:
    """An event that had its effect twice leaves one report, and a count that is one too high."""
    of_case, of_incident = defaultdict[UUID, int](int), defaultdict[UUID, int](int)
    for _, incident, case in recorded.reports:
        of_case[case] += 1
        of_incident[incident] += 1
    by_incident = {incident: count for incident, (_, count) in recorded.incidents.items()}
    miscounted_cases = _differing(recorded.cases, of_case)
    miscounted_incidents = _differing(by_incident, of_incident)
    verdict.note("cases count other reports than they have", miscounted_cases)
    verdict.note("incidents count other reports than they have", miscounted_incidents)
    verdict.doubled += sum(max(0, recorded.cases[case] - of_case[case]) for case in miscounted_cases)


def _differing(said: Mapping[UUID, int], counted: Mapping[UUID, int]) -> list[UUID]:
    return [one for one, number in said.items() if number != counted.get(one, 0)]


def _judge_groups(expected: Expected, recorded: Recorded, verdict: Verdict) -> None:
    of_case = defaultdict[UUID, set[UUID]](set)
    for incident, (case, _) in recorded.incidents.items():
        of_case[case].add(incident)
    for _, incident, case in recorded.reports:
        of_case[case].add(incident)
    cases_of = defaultdict[UUID, set[UUID]](set)
    for case, held in of_case.items():
        for incident in held:
            cases_of[incident].add(case)
    verdict.note("incidents are in more than one case", [i for i, cases in cases_of.items() if len(cases) > 1])
    wanted = {frozenset(group) for group in expected.groups.values()}
    verdict.note("cases do not hold what belongs together", [c for c, held in of_case.items() if held not in wanted])
    verdict.note("cases hold no incident", recorded.cases.keys() - of_case.keys())
    verdict.doubled += max(0, len(recorded.cases) - len(wanted))


def judge_pictures(
    expected: Expected, recorded: Recorded, verdict: Verdict, *, read: Callable[[str], bytes | None]
) -> None:
    """Notes pictures that no case names, whose bytes have not come, or came altered.

    read: returns the bytes that are kept under a sha256, None where nothing is.
    """
    unnamed = expected.pictures - recorded.pictures
    verdict.note("pictures are named by no case", (sha256 for _, sha256, _ in unnamed))
    verdict.note("pictures are nobody's", (sha256 for _, sha256, _ in recorded.pictures - expected.pictures))
    missing, altered = set[str](), list[str]()
    for sha256 in sorted({sha256 for _, sha256, _ in expected.pictures}):
        content = read(sha256)
        if content is None:
            missing.add(sha256)
        elif hashlib.sha256(content).hexdigest() != sha256:
            altered.append(sha256)
    verdict.note("pictures have not come", sorted(missing))
    verdict.evidence_missing = len(missing | {sha256 for _, sha256, _ in unnamed})
    verdict.evidence_altered = verdict.note("pictures are altered", altered)
