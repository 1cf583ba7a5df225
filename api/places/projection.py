"""Turns degrees into metres near a site, where the earth is flat enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians
from typing import Any, Self

import shapely

METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class LocalMetres:
    """An equirectangular projection; a hundred kilometres north or south of its latitude metres are 1 % off."""

    metres_per_degree_east: float

    @classmethod
    def around(cls, latitudes: Iterable[float]) -> Self:
        """Around the mean of these latitudes, degrees; the equator where there are none."""
        known = list(latitudes)
        mean = sum(known) / len(known) if known else 0.0
        return cls(METRES_PER_DEGREE * max(cos(radians(mean)), 1e-6))

    def point(self, longitude: float, latitude: float) -> tuple[float, float]:
        return longitude * self.metres_per_degree_east, latitude * METRES_PER_DEGREE

    def geometry(self, shape: Any) -> Any:
        return shapely.transform(shape, lambda places: places * (self.metres_per_degree_east, METRES_PER_DEGREE))
