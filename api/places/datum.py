"""Turns GCJ-02, the shifted datum of Chinese maps, into WGS-84.

The forward formula is the one that has been public since 2010 and that every open converter carries (for
example eviltransform, coordtransform): a polynomial with sines over the Krasovsky 1940 ellipsoid. It has no
closed inverse, so the inverse is iterated.
"""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt

_AXIS_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.006_693_421_622_965_943
_ITERATIONS = 10
_CLOSE_ENOUGH_DEG = 1e-9


def gcj02_to_wgs84(longitude: float, latitude: float) -> tuple[float, float]:
    """Returns longitude and latitude in WGS-84, degrees, to a millimetre; outside China nothing is shifted."""
    guess = (longitude, latitude)
    for _ in range(_ITERATIONS):
        shifted = wgs84_to_gcj02(*guess)
        error = (shifted[0] - longitude, shifted[1] - latitude)
        guess = (guess[0] - error[0], guess[1] - error[1])
        if max(abs(error[0]), abs(error[1])) < _CLOSE_ENOUGH_DEG:
            break
    return guess


def wgs84_to_gcj02(longitude: float, latitude: float) -> tuple[float, float]:
    """Returns longitude and latitude in GCJ-02, degrees; outside China nothing is shifted."""
    if not (72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271):
        return longitude, latitude
    x, y = longitude - 105.0, latitude - 35.0
    curvature = 1.0 - _ECCENTRICITY_SQUARED * sin(radians(latitude)) ** 2
    metres_per_radian_east = _AXIS_M / sqrt(curvature) * cos(radians(latitude))
    metres_per_radian_north = _AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / (curvature * sqrt(curvature))
    east_deg = _east_m(x, y) * 180.0 / (metres_per_radian_east * pi)
    north_deg = _north_m(x, y) * 180.0 / (metres_per_radian_north * pi)
    return longitude + east_deg, latitude + north_deg


def _east_m(x: float, y: float) -> float:
    shift = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    return shift + (2.0 / 3.0) * (
        (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi))
        + (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi))
        + (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi))
    )


def _north_m(x: float, y: float) -> float:
    shift = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    return shift + (2.0 / 3.0) * (
        (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi))
        + (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi))
        + (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0))
    )
