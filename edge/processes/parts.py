"""Says which cameras share a process, and what the process of some cameras has to know."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from ingest.configuration import EdgeConfiguration


def deal(camera_ids: Sequence[str], *, workers: int, shares: Sequence[Sequence[str]] = ()) -> list[list[str]]:
    """Deals the cameras out evenly over ``workers`` shares, one for each core where it is 0.

    A camera that one of the earlier ``shares`` (of as many workers) holds stays there; a new one goes where fewest are.
    Shares that are left empty keep their place.
    """
    number = min(len(camera_ids), workers or os.cpu_count() or 1)
    wanted = set(camera_ids)
    dealt = [[camera for camera in share if camera in wanted] for share in shares]
    dealt += [[] for _ in range(number - len(dealt))]
    placed = {camera for share in dealt for camera in share}
    for camera in camera_ids:
        if camera not in placed:
            min(dealt, key=len).append(camera)
    return dealt


def part_of(configuration: EdgeConfiguration, cameras: Collection[str]) -> EdgeConfiguration:
    """Returns what a process for these cameras has to know; without what concerns only others."""
    return configuration.model_copy(
        update={
            "centre": None,
            "brokers": [],
            "sensors": [],
            "disk_budget_mb": EdgeConfiguration.model_fields["disk_budget_mb"].default,
            "workers": 0,
            "worker_memory_mb": None,
            "metrics_host": EdgeConfiguration.model_fields["metrics_host"].default,
            "metrics_port": None,
            "cameras": [camera for camera in configuration.cameras if camera.id in cameras],
            "watches": [watch for watch in configuration.watches if watch.camera in cameras],
        }
    )


def only_cameras_differ(one: EdgeConfiguration, other: EdgeConfiguration) -> bool:
    """True where all but cameras and watches is the same (time zone, folder, who the edge is)."""
    return part_of(one, []) == part_of(other, [])


def differing(before: EdgeConfiguration, after: EdgeConfiguration) -> list[str]:
    """Returns the cameras of ``before`` that ``after`` has not, or has with another setting or another watch."""
    cameras = [camera.id for camera in before.cameras]
    return [camera for camera in cameras if part_of(before, [camera]) != part_of(after, [camera])]
