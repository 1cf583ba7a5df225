"""The classes of roads, by which the law divides who is in charge of them."""

from __future__ import annotations

from enum import StrEnum


class RoadClass(StrEnum):
    """In Chinese 高速公路, 国道, 省道, 县道, 乡道和村道, 城市道路; all but the last are highways (公路)."""

    EXPRESSWAY = "expressway"
    NATIONAL = "national"
    PROVINCIAL = "provincial"
    COUNTY = "county"
    RURAL = "rural"
    CITY_STREET = "city-street"
