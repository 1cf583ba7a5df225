"""Learns what a preset of a camera looks like, from the camera that was turned there by hand."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from edge.looking.presets import preset_references
from edge.looking.sameness import small_picture
from edge.looking.views import SmallView, small_view, unlit
from edge.reading.camera import CameraReader
from edge.reading.streams import looked_at
from edge.staying.clock import Clock
from ingest.configuration import Camera
from ingest.contract import NAME_PATTERN

LOOKS = 5
LOOK_EVERY_S = 1.0
WITHIN_S = 60.0


class PresetNotLearnt(Exception):
    """The camera gave no picture that tells one view from another, or the disk did not take it."""


def learn_preset(camera: Camera, preset: str, folder: Path, *, clock: Clock, within_s: float = WITHIN_S) -> None:
    """Takes some looks and keeps their median as the preset's reference; a running edge takes it up by itself.

    Raises: PresetNotLearnt. CameraFault: The stream cannot be read.
    """
    if re.fullmatch(NAME_PATTERN, preset) is None:
        raise PresetNotLearnt(f"not a name: {preset!r}; letters, digits, . _ and -")
    stop = threading.Event()
    gives_up = threading.Timer(within_s, stop.set)
    gives_up.start()
    reader = CameraReader(looked_at(camera).model_copy(update={"look_every_s": LOOK_EVERY_S}), clock=clock, stop=stop)
    views: list[SmallView] = []
    try:
        for look in reader.looks():
            views.append(small_view(small_picture(look.frame)))
            if len(views) >= LOOKS:
                break
    finally:
        gives_up.cancel()
        gives_up.join()
    if not views:
        raise PresetNotLearnt(f"camera {camera.id!r} gave no picture within {within_s:g} s")
    if unlit(views[-1]) is not None:
        raise PresetNotLearnt(f"camera {camera.id!r} shows nothing: its picture is {unlit(views[-1])}")
    if not preset_references(folder, camera.id, preset).learn_at_once(views, clock.now()):
        raise PresetNotLearnt(f"{folder} cannot be written")
