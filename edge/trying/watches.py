"""Reads which watches a clip is tried with: an edge's own file, or one with nothing but watches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.configuration.load import ConfigurationError, checked, read_document
from edge.configuration.problems import Problem
from edge.configuration.yaml_lines import Lines
from ingest.configuration import Camera, Watch

IMPLIED_CAMERA = "clip"
EDGE_ID = "try"


@dataclass(frozen=True, slots=True)
class Tried:
    """One camera, whose stream is the clip, and its watches. ``left_out`` are the watches of other sources."""

    edge_id: str
    time_zone: str
    camera: Camera
    watches: tuple[Watch, ...]
    left_out: tuple[str, ...] = ()


def watches_to_try(
    file: Path,
    clip: Path,
    *,
    camera_id: str | None = None,
    preset: str | None = None,
    look_every_s: float | None = None,
) -> Tried:
    """Returns the checked watches of the one camera that the clip stands for.

    camera_id: Which of several cameras. preset: Which view of one that turns; the clip shows no other.
    look_every_s: Instead of the camera's own.
    Raises: ConfigurationError: With all problems at once, each with its line.
    """
    document, lines = read_document(file)
    whole = _completed(document)
    _put_clip(whole, {} if look_every_s is None else {"look_every_s": look_every_s})
    configuration = checked(whole, lines, file=file, environment={})
    if not configuration.watches:
        raise ConfigurationError(file, [Problem(lines.line(("watches",)), "watches", "expected one watch or more")])
    chosen = _chosen(configuration.cameras, camera_id, file, lines)
    of_it = [watch for watch in configuration.watches if watch.camera == chosen.id]
    shown = _preset(of_it, preset, file, lines)
    # The clip shows this preset all the time: nothing is to be recognised.
    watches = tuple(watch.model_copy(update={"preset": None}) for watch in of_it if watch.preset == shown)
    if not watches:
        problem = Problem(lines.line(("watches",)), "watches", f"none is of camera {chosen.id!r}")
        raise ConfigurationError(file, [problem])
    tried = {watch.id for watch in watches}
    left_out = tuple(watch.id for watch in configuration.watches if watch.id not in tried)
    camera = chosen.model_copy(update={"url": str(clip.absolute())})
    return Tried(configuration.edge_id, configuration.time_zone, camera, watches, left_out)


def _completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Adds edge and cameras where the file holds watches alone."""
    whole = {key: value for key, value in document.items() if key not in ("centre", "data_dir")}
    if "cameras" in whole or "edge_id" in whole:
        return whole
    watches = whole.get("watches")
    if not isinstance(watches, list):
        return {"edge_id": EDGE_ID, **whole}
    named = [w["camera"] for w in watches if isinstance(w, dict) and isinstance(w.get("camera"), str)]
    cameras = list(dict.fromkeys(named)) or [IMPLIED_CAMERA]
    whole["watches"] = [
        {**w, "camera": cameras[0]} if isinstance(w, dict) and not {"camera", "sensor"} & w.keys() else w
        for w in watches
    ]
    return {"edge_id": EDGE_ID, "cameras": [{"id": name} for name in cameras], **whole}


def _put_clip(whole: dict[str, Any], changes: Mapping[str, object]) -> None:
    """Takes out what the clip stands in for, and with it the need for passwords from the environment."""
    stands_for: Sequence[tuple[str, Collection[str], Mapping[str, object]]] = (
        ("cameras", ("url", "substream", "onvif"), {"url": "clip", **changes}),
        ("brokers", ("password_env", "ca_file"), {}),
    )
    for section, without, instead in stands_for:
        items = whole.get(section)
        if isinstance(items, list):
            whole[section] = [
                {**{key: value for key, value in item.items() if key not in without}, **instead}
                if isinstance(item, dict)
                else item
                for item in items
            ]


def _chosen(cameras: list[Camera], camera_id: str | None, file: Path, lines: Lines) -> Camera:
    listed = ", ".join(camera.id for camera in cameras) or "none"
    if camera_id is None and len(cameras) == 1:
        return cameras[0]
    for camera in cameras:
        if camera.id == camera_id:
            return camera
    message = (
        f"no camera {camera_id!r}; there is: {listed}"
        if camera_id is not None
        else f"the clip stands for one camera: say which with --camera; there is: {listed}"
    )
    raise ConfigurationError(file, [Problem(lines.line(("cameras",)), "cameras", message)])


def _preset(watches: Sequence[Watch], preset: str | None, file: Path, lines: Lines) -> str | None:
    """Returns the preset that the clip shows; None where the camera does not turn."""
    presets = list(dict.fromkeys(watch.preset for watch in watches if watch.preset is not None))
    if preset is None and len(presets) <= 1:
        return presets[0] if presets else None
    if preset in presets:
        return preset
    listed = ", ".join(presets) or "none"
    message = (
        f"no preset {preset!r}; there is: {listed}"
        if preset is not None
        else f"the clip shows one preset: say which with --preset; there is: {listed}"
    )
    raise ConfigurationError(file, [Problem(lines.line(("watches",)), "watches", message)])
