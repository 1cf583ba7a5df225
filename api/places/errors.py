"""What can be wrong with a place that somebody wants to keep.

PlacesError
├── PlaceMissing      there is no such grid, road, permit, camera or the like
├── PlaceInUse        something else refers to it, so it cannot go
├── PlaceTaken        there is one of this sort already
└── PlacesRefused     what was sent is no place; ``faults`` say where, and what was expected
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FAULTS_TOLD = 100


class PlacesError(Exception):
    """A change of places that was not made."""


class PlaceMissing(PlacesError):
    """The message names what was asked for."""


class PlaceInUse(PlacesError):
    """The message names what refers to it."""


class PlaceTaken(PlacesError):
    """The message names the one that is there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """where: such as ``features[3] (grid-7)`` or ``line 12, longitude``. why: what was expected, and what was found."""

    where: str
    why: str


class PlacesRefused(PlacesError):
    """Nothing of what was sent was kept. ``count`` is of all faults, of which the first hundred are told."""

    def __init__(self, faults: Sequence[Fault], *, count: int | None = None) -> None:
        super().__init__("; ".join(f"{fault.where}: {fault.why}" for fault in faults[:3]))
        self.faults = list(faults[:FAULTS_TOLD])
        self.count = len(faults) if count is None else count
