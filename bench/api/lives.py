"""Makes up cases of two years: what was seen where, what people made of it, when; the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from api.cases.tokens import tokens_of
from api.catalogue import read_kinds

DISTRICT = "341122"
GRIDS = 12
CAMERAS = 600
YEARS = 2
ALARMS_SHARE = 0.01
"""Of the newest, which nobody has reviewed yet."""

_OPEN_SHARE = 0.03
_STREETS = ("永阳东路", "建阳北路", "来安大道", "塔山中路", "新安西路", "中央大道", "裕安路", "南大街")
_SAID = (
    "门口占道经营",
    "垃圾未清理",
    "车辆乱停",
    "井盖破损",
    "夜间施工扰民",
    "stall beside the school gate",
    "油烟扰民",
)
_REASONS = ("permitted", "not a case", "seen twice")

Row = tuple[Any, ...]
NAMES: Mapping[str, tuple[str, ...]] = {
    "cases": (
        *("id", "number", "state", "version", "kind_key", "detected_kind_key", "family", "edge_id", "watch_id"),
        *("source_type", "source_id", "description", "address", "longitude", "latitude", "given_longitude"),
        *("given_latitude", "given_datum", "district", "grid_id", "department", "first_seen_at", "last_seen_at"),
        *("dwell_s", "score", "incidents_count", "reports_count", "created_at", "filed_at", "dispatched_at"),
        *("handled_at", "closed_at", "ended_at", "rejected_reason", "rework_count", "extension_count", "limit"),
        *("limit_unit", "stage", "stage_started_at", "stage_due_at", "handle_due_at", "close_due_at", "gone_at"),
        *("recurrences_count", "still_there", "urgent", "supervised", "exempt", "return_count", "suspension_count"),
        *("reopened_count", "escalation", "muted_count"),
    ),
    "incidents": (
        *("id", "case_id", "kind_key", "edge_id", "watch_id", "source_type", "source_id", "first_seen_at"),
        *("last_seen_at", "dwell_s", "score", "cleared_at", "clear_reason", "reports_count", "muted"),
    ),
    "evidence": (
        *("case_id", "incident_id", "sha256", "role", "media_type", "size_bytes", "taken_at", "state", "plate_kept"),
    ),
    "reports": (
        *("report_id", "case_id", "incident_id", "outcome", "occurred_at", "received_at", "recorded_at", "payload"),
    ),
    "history": ("case_id", "at", "actor", "action", "details"),
}


@dataclass(slots=True)
class Life:
    """One case: its rows by table, and the words under which it is found."""

    case_id: str
    rows: dict[str, list[Row]]
    tokens: list[str]


def lives(count: int, *, until: datetime, seed: int = 7) -> Iterator[Life]:
    """Yields cases, oldest first; the newest are alarms that wait for review, some before them are still open."""
    maker = _Maker(random.Random(seed), until)  # noqa: S311 (nothing secret is made)
    begin = until - timedelta(days=365 * YEARS)
    step = (until - begin) / count
    for number in range(count):
        yield maker.life(begin + step * number, age=1 - number / count)


class _Maker:
    def __init__(self, chance: random.Random, until: datetime) -> None:
        self._chance = chance
        self._until = until
        self._kinds = [kind for kind in read_kinds() if not kind["key"].endswith("-fault")]
        # A few kinds are most of all cases, as in any city.
        self._weights = [1 / (place + 1) for place in range(len(self._kinds))]
        self._numbers: dict[str, int] = {}
        self._tokens: dict[str, frozenset[str]] = {}

    def life(self, seen_at: datetime, *, age: float) -> Life:
        chance = self._chance
        case_id, incident_id = _id(chance, seen_at), _id(chance, seen_at)
        kind = chance.choices(self._kinds, self._weights)[0]
        camera = min(CAMERAS - 1, int(chance.expovariate(1 / 120)))
        source, edge, watch = f"camera-{camera}", f"edge-{camera // 30}", f"watch-{camera}-{kind['key'][:20]}"
        grid = f"grid-{camera % GRIDS}"
        said = chance.choice(_SAID) if chance.random() < 0.1 else None
        street = f"{_STREETS[camera % len(_STREETS)]}{camera}号" if chance.random() < 0.5 else None
        end = self._end(seen_at, kind, age)
        longitude, latitude = 118.40 + (camera % 40) * 0.004 + chance.random() * 1e-4, 32.40 + (camera // 40) * 0.004
        score, dwell_s = round(0.5 + chance.random() / 2, 3), round(300 + chance.random() * 3000, 1)
        last_seen_at = seen_at + timedelta(seconds=dwell_s)
        if end["state"] == "detected":
            # Seen until now: an alarm that nobody sees any more expires.
            last_seen_at = self._until - timedelta(minutes=30 * chance.random())
        gone_at = last_seen_at if end.get("ended_at") is not None else None
        shown = end | {
            "id": case_id,
            "kind_key": kind["key"],
            "detected_kind_key": kind["key"],
            "family": kind["family"],
            "department": kind["department"],
            "edge_id": edge,
            "watch_id": watch,
            "source_type": "camera",
            "source_id": source,
            "description": said,
            "address": street,
            "longitude": longitude,
            "latitude": latitude,
            "given_longitude": longitude,
            "given_latitude": latitude,
            "given_datum": "WGS84",
            "district": DISTRICT,
            "grid_id": grid,
            "first_seen_at": _moment(seen_at),
            "last_seen_at": _moment(last_seen_at),
            "dwell_s": dwell_s,
            "score": score,
            "incidents_count": 1,
            "reports_count": 2,
            "created_at": _moment(seen_at),
            "gone_at": _moment(gone_at),
        }
        at, cleared = _moment(seen_at), _moment(gone_at)
        incident = (incident_id, case_id, kind["key"], edge, watch, "camera", source, at, _moment(last_seen_at))
        report = (case_id, incident_id, "new_case", at, at, at, json.dumps({"kind": kind["key"], "score": score}))
        hashes = [f"{chance.getrandbits(256):064x}" for _ in range(2)]
        rows: dict[str, list[Row]] = {
            "cases": [tuple(shown.get(name, _REST.get(name)) for name in NAMES["cases"])],
            "incidents": [(*incident, dwell_s, score, cleared, "gone" if cleared else None, 2, False)],
            "evidence": [
                (case_id, incident_id, sha256, role, "image/jpeg", 48_000, at, "present", False)
                for sha256, role in zip(hashes, ("confirm", "crop"), strict=True)
            ],
            "reports": [(_id(chance, seen_at), *report)],
            "history": [(case_id, moment, actor, act, "{}") for moment, actor, act in _acts(shown, edge)],
        }
        words = [shown.get("number"), kind["key"], kind["name_en"], kind["name_zh"], kind["department"], said, street]
        return Life(case_id, rows, self._cut([*words, source, watch, edge, grid]))

    def _end(self, seen_at: datetime, kind: Mapping[str, Any], age: float) -> dict[str, Any]:
        """What became of the alarm."""
        chance = self._chance
        filed_at = seen_at + timedelta(minutes=chance.expovariate(1 / 15))
        if age < ALARMS_SHARE:
            # Not due yet: a chore would let them expire under the hands of who reviews them.
            due_at = self._until + timedelta(days=1 + chance.random())
            return _OPEN_ALARM | {"stage_started_at": _moment(seen_at), "stage_due_at": _moment(due_at)}
        drawn = chance.random()
        if drawn < 0.12:
            return {"state": "rejected", "version": 2, "rejected_reason": chance.choice(_REASONS)} | _ended(filed_at)
        if drawn < 0.15:
            return {"state": "expired", "version": 1} | _ended(seen_at + timedelta(days=1))
        dispatched_at = filed_at + timedelta(minutes=chance.expovariate(1 / 20))
        due_at = dispatched_at + timedelta(hours=24)
        handled_at = dispatched_at + timedelta(hours=chance.expovariate(1 / 8))
        closed_at = handled_at + timedelta(hours=chance.expovariate(1 / 4))
        filed = {
            "number": self._number(filed_at),
            "filed_at": _moment(filed_at),
            "dispatched_at": _moment(dispatched_at),
            "handle_due_at": _moment(due_at),
            "close_due_at": _moment(due_at + timedelta(hours=8)),
            "limit": kind["limit"],
            "limit_unit": kind["limit_unit"],
            "rework_count": int(chance.random() < 0.05),
            "extension_count": int(chance.random() < 0.03),
        }
        if age < ALARMS_SHARE + _OPEN_SHARE:
            running = {"stage": "handle", "stage_started_at": _moment(dispatched_at), "stage_due_at": _moment(due_at)}
            return filed | running | {"state": chance.choice(("dispatched", "handling")), "version": 3}
        handled = {"handled_at": _moment(handled_at), "closed_at": _moment(closed_at), "version": 6}
        return filed | handled | {"state": "closed"} | _ended(closed_at)

    def _number(self, filed_at: datetime) -> str:
        day = filed_at.strftime("%Y%m%d")
        self._numbers[day] = self._numbers.get(day, 0) + 1
        return f"{DISTRICT}-{day}-{self._numbers[day]:04d}"

    def _cut(self, words: Sequence[str | None]) -> list[str]:
        """As the API does, but each text once: most of them are many cases'."""
        found: set[str] = set()
        for word in words:
            if word is None:
                continue
            cut = self._tokens.get(word)
            if cut is None:
                cut = frozenset(tokens_of([word]))
                if not word.startswith(DISTRICT):
                    self._tokens[word] = cut
            found |= cut
        return sorted(found)


_REST = dict.fromkeys(
    ("recurrences_count", "return_count", "suspension_count", "reopened_count", "escalation", "muted_count"), 0
) | {
    "rework_count": 0,
    "extension_count": 0,
    "still_there": False,
    "urgent": False,
    "supervised": False,
    "exempt": False,
}
_OPEN_ALARM = {"state": "detected", "version": 1, "stage": "accept"}


def _ended(at: datetime) -> dict[str, Any]:
    return {"ended_at": _moment(at)}


def _acts(case: Mapping[str, Any], edge: str) -> Iterator[tuple[str, str, str]]:
    yield case["created_at"], f"edge:{edge}", "detected"
    for column, act in (("filed_at", "confirmed"), ("dispatched_at", "dispatched"), ("closed_at", "closed")):
        if case.get(column) is not None:
            yield case[column], "person:li", act


def _moment(at: datetime | None) -> Any:
    """Of a moment in UTC, as both databases read it; PostgreSQL in a session whose zone is UTC."""
    return None if at is None else at.isoformat(" ", "microseconds")[:26]


def _id(chance: random.Random, at: datetime) -> str:
    """A UUIDv7 of that moment, as 32 hexadecimal digits."""
    milliseconds, variant = int(at.timestamp() * 1000), 8 | chance.getrandbits(2)
    return f"{milliseconds:012x}7{chance.getrandbits(12):03x}{variant:x}{chance.getrandbits(60):015x}"
