"""Draws what happened when: for each watch its looks, stays and incidents, over the time of the clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detectors.base import Image
from edge.trying.course import Course, Incident, StayNote
from ingest.configuration import Watch

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1400, 20, 30, 56, 44
LOOK_H, LANE_H, TITLE_H, GAP = 14, 16, 24, 16
MOST_LANES = 12
_INK, _PALE, _GRID = (60, 50, 40), (205, 205, 205), (232, 232, 232)
_LOOK, _FOUND, _STAY, _INCIDENT = (210, 200, 190), (190, 120, 40), (150, 190, 120), (60, 60, 215)
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)

Lane = list[tuple[StayNote, Incident | None]]


def write_timeline(file: Path, course: Course, watches: Sequence[Watch]) -> None:
    """Writes a PNG: a row of looks for each watch, below it its stays, red from where they were raised on.

    Raises: OSError: If it cannot be written.
    """
    lanes = {watch.id: _lanes(course, watch.id) for watch in watches}
    height = TOP + BOTTOM + sum(TITLE_H + LOOK_H + LANE_H * max(1, len(lane)) + GAP for lane in lanes.values())
    picture: Image = np.full((height, WIDTH, 3), 255, np.uint8)
    scale = (WIDTH - LEFT - RIGHT) / max(course.passed_s, *course.looks_s[-1:], 1.0)
    _legend(picture)
    _axis(picture, scale, height)
    y = TOP
    for watch in watches:
        _text(picture, f"{watch.id}  ({watch.kind}, dwell {watch.dwell_s:g} s)", (LEFT, y + 16))
        y += TITLE_H
        _looks(picture, course, watch.id, y, scale)
        y += LOOK_H
        for lane in lanes[watch.id]:
            for stay, incident in lane:
                _bar(picture, stay, incident, y, scale)
            y += LANE_H
        y += GAP if lanes[watch.id] else GAP + LANE_H
    done, encoded = cv2.imencode(".png", picture)
    if not done:
        raise OSError(0, "the timeline cannot be encoded")
    file.write_bytes(encoded.tobytes())


def _lanes(course: Course, watch_id: str) -> list[Lane]:
    """Puts stays that overlap in time below one another; of very many only the first are drawn."""
    lanes: list[Lane] = []
    stays = sorted(
        ((stay, course.incidents.get(i)) for i, stay in course.stays.items() if stay.watch_id == watch_id),
        key=lambda pair: (pair[1] is None, pair[0].first_s),  # incidents first: they must not fall off the picture
    )
    for stay, incident in stays:
        free = (lane for lane in lanes if all(_apart(stay, incident, *other) for other in lane))
        lane = next(free, None)
        if lane is None:
            if len(lanes) >= MOST_LANES:
                continue
            lanes.append(lane := [])
        lane.append((stay, incident))
    return lanes


def _apart(a: StayNote, a_incident: Incident | None, b: StayNote, b_incident: Incident | None) -> bool:
    return _end_s(a, a_incident) < b.first_s or _end_s(b, b_incident) < a.first_s


def _end_s(stay: StayNote, incident: Incident | None) -> float:
    return max(stay.last_s, incident.raised_s, incident.cleared_s or 0.0) if incident else stay.last_s


def _looks(picture: Image, course: Course, watch_id: str, y: int, scale: float) -> None:
    found = set(course.found_s.get(watch_id, ()))
    for at_s in course.looks_s:
        x = _x(at_s, scale)
        hit = at_s in found
        cv2.line(picture, (x, y + (0 if hit else 4)), (x, y + LOOK_H - 4), _FOUND if hit else _LOOK, 1)


def _bar(picture: Image, stay: StayNote, incident: Incident | None, y: int, scale: float) -> None:
    _box(picture, _x(stay.first_s, scale), _x(stay.last_s, scale), y, _STAY)
    if incident is None:
        return
    raised_x = _x(incident.raised_s, scale)
    _box(picture, raised_x, _x(_end_s(stay, incident), scale), y, _INCIDENT)
    if incident.cleared_s is not None:
        x = _x(incident.cleared_s, scale)
        cv2.line(picture, (x, y - 1), (x, y + LANE_H - 2), _INK, 2)
    _text(picture, str(incident.number), (raised_x + 4, y + 11), size=0.36, ink=(255,) * 3)


def _box(picture: Image, x1: int, x2: int, y: int, colour: tuple[int, int, int]) -> None:
    cv2.rectangle(picture, (x1, y), (max(x1 + 2, x2), y + LANE_H - 4), colour, -1)


def _x(at_s: float, scale: float) -> int:
    return LEFT + round(at_s * scale)


def _axis(picture: Image, scale: float, height: int) -> None:
    step_s = next((s for s in _STEPS_S if s * scale >= 80), _STEPS_S[-1])
    at_s = 0
    while LEFT + at_s * scale <= WIDTH - RIGHT:
        x = _x(at_s, scale)
        cv2.line(picture, (x, TOP - 8), (x, height - BOTTOM + 6), _GRID, 1)
        _text(picture, _clock(at_s), (x + 2, height - BOTTOM + 22), size=0.4)
        at_s += step_s
    cv2.line(picture, (LEFT, height - BOTTOM + 6), (WIDTH - RIGHT, height - BOTTOM + 6), _PALE, 1)


def _legend(picture: Image) -> None:
    x = LEFT
    for colour, text in (
        (_LOOK, "look"),
        (_FOUND, "with findings"),
        (_STAY, "stay"),
        (_INCIDENT, "incident"),
        (_INK, "cleared"),
    ):
        cv2.rectangle(picture, (x, 18), (x + 14, 32), colour, -1)
        _text(picture, text, (x + 20, 30))
        x += 40 + 9 * len(text)


def _text(picture: Image, text: str, at: tuple[int, int], *, size: float = 0.45, ink: tuple[int, ...] = _INK) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def _clock(at_s: int) -> str:
    hours, rest = divmod(at_s, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
