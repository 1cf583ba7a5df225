"""Says which cameras share a process, and what the process of some cameras has to know."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from ingest.configuration import EdgeConfiguration


def deal(camera_ids: Sequence[str], *, workers: int, shares: Sequence[Sequence[str]] = ()) -> list[list[str]]:
    """Deals the cameras out evenly over ``workers`` shares, one for each core where it is 0.

    A camera that one of the earlier ``shares`` holds stays there, unless their number has changed; a new one goes where
    fewest are.
    """
    number = min(len(camera_ids), workers or os.cpu_count() or 1)
    wanted = set(camera_ids)
    dealt: list[list[str]] = [[] for _ in range(number)]
    if len(shares) == number:
        dealt = [[camera for camera in share if camera in wanted] for share in shares]
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
