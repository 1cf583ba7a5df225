"""A whole edge that runs in a thread of the test, and a picture of a street that the street model knows."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np

import models
from detectors.base import Image
from edge.processes.local_file import LocalFile
from edge.processes.run import Edge
from ingest.configuration import EdgeConfiguration
from streetcase.demo.scene import render_scene
from tests.services.clips import write_clip

TRUCK = [[0.7, 0.10], [1.0, 0.10], [1.0, 0.24], [0.7, 0.24]]
"""The zone in which a truck and a car stand all the time."""

PARKING = {
    "id": "parking",
    "kind": "illegal-parking",
    "camera": "yard",
    "zone": TRUCK,
    "detector": {"type": "yolo", "model": "street"},
    "dwell_s": 12,
    "grace_s": 15,
}


@contextmanager
def running_edge(
    folder: Path, *, port: int, key: str = "sc_edge_key", own: LocalFile | None = None, **changes: Any
) -> Iterator[Edge]:
    """Yields an edge whose centre listens at ``port``; ``changes`` are keys of its configuration."""
    local = {
        "edge_id": "corner-7",
        "data_dir": str(folder),
        "centre": {"url": f"http://127.0.0.1:{port}", "key_env": "KEY"},
        **changes,
    }
    stop = threading.Event()
    edge = Edge(EdgeConfiguration.model_validate(local), environment={"KEY": key}, stop=stop, own=own)
    thread = threading.Thread(target=edge.run)
    thread.start()
    try:
        yield edge
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


def altered_model(folder: Path) -> Path:
    """Returns a copy of the street model whose weights are not those of its card."""
    shutil.copytree(Path(models.__file__).parent / "street", folder)
    (folder / "weights.onnx").write_bytes(b"altered")
    return folder


def street_picture(folder: Path) -> Image:
    """Returns one picture of the drawn street."""
    path = folder / "one.mp4"
    render_scene(path, seconds=0.2)
    with av.open(path) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24").astype(np.uint8)


def standing_clip(path: Path, image: Image, *, seconds: float = 300, marked: bool = True) -> Path:
    """Writes a clip, a keyframe each second, in which nothing moves but, where it is ``marked``, a corner."""
    height, width = image.shape[:2]

    def draw(index: int) -> Image:
        drawn = image.copy()
        if marked:
            drawn[:16, :16] = index * 7 % 256
        return drawn

    return write_clip(path, seconds=seconds, fps=1, size_wh=(width, height), gop=1, draw=draw)
