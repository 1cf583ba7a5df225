"""Says what each edge commits, in which order: a pure function of the seed and the edge."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

import cv2
import numpy as np

from ingest.contract import EvidenceRole, Phase

SOURCES = 20
OPEN_AT_ONCE = 3
LONGEST_INCIDENT = 5
SHARED_WATCHES = 4
SHARE_OF_SHARED = 0.06

# Each incident of these kinds gets a watch of its own: they join by watch.
JOINING_KINDS = ("street-encroachment", "illegal-parking", "grain-drying", "exposed-garbage")

# These never join by watch, so that all of a source's incidents may come from one and the same watch.
LONE_KIND = "manhole-open"
SHARE_OF_LONE = 0.2


@dataclass(frozen=True, slots=True)
class ScriptedPicture:
    """A picture by the seed of its noise; its bytes are unique and the same at every call, 5 to 20 kB."""

    role: EvidenceRole
    seed: int
    side_px: int

    def jpeg(self) -> bytes:
        noise = np.random.default_rng(self.seed).integers(0, 256, (self.side_px, self.side_px, 3), dtype=np.uint8)
        done, encoded = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 85])
        if not done:
            raise ValueError(f"a picture of {self.side_px} px cannot be encoded")
        return encoded.tobytes()


@dataclass(frozen=True, slots=True)
class ScriptedEvent:
    """One event, but for its times, which are those of its commit; ``place`` is its number in the script."""

    place: int
    event_id: UUID
    phase: Phase
    incident: ScriptedIncident
    pictures: tuple[ScriptedPicture, ...]


@dataclass(slots=True)
class ScriptedIncident:
    """``case_key`` is the same for incidents that belong into one case."""

    incident_id: UUID
    number: int
    source: str
    kind: str
    watch_id: str
    length: int
    told: int = 0
    events: list[ScriptedEvent] = field(default_factory=list)

    @property
    def case_key(self) -> str:
        return str(self.incident_id) if self.kind == LONE_KIND else self.watch_id

    @property
    def is_over(self) -> bool:
        return self.told == self.length


class Script:
    """What one edge tells: ``events`` in the order in which they are committed.

    Each incident is raised, updated up to three times and cleared, interleaved with the others of its source and with
    twenty sources. A few incidents share a watch, of a kind that joins by watch: those share a case.
    """

    def __init__(self, *, seed: int, edge: int, events: int) -> None:
        self.edge_id = f"torture-edge-{edge}"
        self.edge = edge
        self.count = events
        self._random = random.Random(f"{seed}:{edge}")  # noqa: S311 - repeats a run, keeps no secret
        self._picture_seed = (seed * 1000 + edge) * 10_000_000

    @cached_property
    def incidents(self) -> list[ScriptedIncident]:
        lengths = self._lengths()
        return [self._incident(number, length) for number, length in enumerate(lengths)]

    @cached_property
    def events(self) -> list[ScriptedEvent]:
        waiting = {f"camera-{number}": list[ScriptedIncident]() for number in range(SOURCES)}
        for incident in reversed(self.incidents):
            waiting[incident.source].append(incident)
        return list(self._interleaved(waiting))

    def _lengths(self) -> list[int]:
        """Draws the incidents' numbers of events, which together are exactly what was asked for."""
        lengths, left = list[int](), self.count
        while left > LONGEST_INCIDENT + 2:
            lengths.append(self._random.randint(2, LONGEST_INCIDENT))
            left -= lengths[-1]
        return [*lengths, *([left] if left <= LONGEST_INCIDENT else [left // 2, left - left // 2])]

    def _incident(self, number: int, length: int) -> ScriptedIncident:
        source = self._random.randrange(SOURCES)
        kind, watch_id = self._random.choice(JOINING_KINDS), f"watch-{number}"
        drawn = self._random.random()
        if drawn < SHARE_OF_LONE:
            kind, watch_id = LONE_KIND, f"manholes-{source}"
        elif drawn < SHARE_OF_LONE + SHARE_OF_SHARED:
            source = self._random.randrange(SHARED_WATCHES)
            kind, watch_id = JOINING_KINDS[source % len(JOINING_KINDS)], f"shared-{source}"
        return ScriptedIncident(self._uuid(), number, f"camera-{source}", kind, watch_id, length)

    def _interleaved(self, waiting: dict[str, list[ScriptedIncident]]) -> Iterator[ScriptedEvent]:
        open_now: dict[str, list[ScriptedIncident]] = {source: [] for source in waiting}
        place = 0
        while sources := [source for source in waiting if waiting[source] or open_now[source]]:
            source = self._random.choice(sources)
            mine = open_now[source]
            if waiting[source] and len(mine) < OPEN_AT_ONCE and (not mine or self._random.random() < 0.4):
                mine.append(waiting[source].pop())
            incident = self._random.choice(mine)
            event = self._event(incident, place)
            yield event
            place += 1
            if incident.is_over:
                mine.remove(incident)

    def _event(self, incident: ScriptedIncident, place: int) -> ScriptedEvent:
        incident.told += 1
        if incident.told == 1:
            phase, roles = Phase.RAISED, [EvidenceRole.START, EvidenceRole.CROP]
        elif incident.is_over:
            phase, roles = Phase.CLEARED, [EvidenceRole.AFTER]
        else:
            phase, roles = Phase.UPDATED, []
        pictures = tuple(self._picture(role, place * 4 + number) for number, role in enumerate(roles))
        event = ScriptedEvent(place, self._uuid(), phase, incident, pictures)
        incident.events.append(event)
        return event

    def _picture(self, role: EvidenceRole, number: int) -> ScriptedPicture:
        return ScriptedPicture(role, self._picture_seed + number, self._random.randint(78, 148))

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)
