"""What must come out of the demo, and how what came out differs from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from streetcase.demo.operator import DemoCase

EXPECTED_KINDS = Counter(["illegal-parking", "manhole-open", "road-flooding"])
SENSOR_KINDS = frozenset({"manhole-open", "road-flooding"})
MIN_LOOKS = 35
MIN_PERSON_LOOKS = 20


@dataclass(frozen=True, slots=True)
class Played:
    """What the demo played: looks of the camera, and in how many of them a person was on the paths."""

    looks: int
    person_looks_with_findings: int
    camera_state: str


def shortcomings(cases: Sequence[DemoCase], played: Played) -> list[str]:
    """Returns a sentence for each thing that is not as expected; none when all is well."""
    kinds = Counter(case.kind for case in cases)
    found = [
        f"{kinds[kind]} cases of {kind}, expected {EXPECTED_KINDS[kind]}"
        for kind in sorted(EXPECTED_KINDS | kinds)
        if kinds[kind] != EXPECTED_KINDS[kind]
    ]
    for case in cases:
        found += _of_case(case)
    if played.looks < MIN_LOOKS:
        found.append(f"{played.looks} looks, expected {MIN_LOOKS} or more")
    if played.person_looks_with_findings < MIN_PERSON_LOOKS:
        found.append(f"persons in {played.person_looks_with_findings} looks, expected {MIN_PERSON_LOOKS} or more")
    if played.camera_state != "ended":
        found.append(f"the camera is {played.camera_state} at the end of its clip, expected ended")
    return found


def _of_case(case: DemoCase) -> list[str]:
    found: list[str] = []
    if case.kind in SENSOR_KINDS and not case.is_gone:
        found.append(f"{case.kind} is not cleared as gone")
    if case.kind == "illegal-parking":
        incidents = len(case.detail["incidents"])
        if incidents != 2:
            found.append(f"illegal-parking holds {incidents} incidents, expected 2: the van and the car")
        if case.detail["gone_at"]:
            found.append("illegal-parking is gone, expected it open: an ended clip is not an empty street")
        missing = {"start", "confirm", "crop"} - {e["role"] for e in case.detail["evidence"] if e["state"] == "present"}
        if missing:
            found.append(f"illegal-parking lacks pictures: {', '.join(sorted(missing))}")
    return found
