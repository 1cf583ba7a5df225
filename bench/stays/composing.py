"""Composes a clip: things on a street, light, shake and gaps, a keyframe each second."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np

from edge.trying.truth import Truth
from streetcase.demo.scene import lay_figure
from streetcase.demo.scene_brush import Pixels, Sprite, lay
from streetcase.demo.scene_people import POSES, stride_px

FPS = 1
NOISE_FIELDS = 8
SOLID = 0.5

Step = tuple[float, float, float]
"""Second of the clip, then x and y in pixels of the middle of the lower edge."""


def always(_: float) -> float:
    return 1.0


def still(_: float) -> tuple[float, float]:
    return 0.0, 0.0


@dataclass(frozen=True, slots=True)
class Thing:
    """A sprite on its way: from the first step to the last it is there, in between it moves evenly."""

    sprite: Sprite
    way: Sequence[Step]

    def at(self, at_s: float) -> tuple[float, float] | None:
        """Returns where it is, None where it is not there."""
        if not self.way[0][0] <= at_s <= self.way[-1][0]:
            return None
        after = min(max(1, bisect.bisect_right([step[0] for step in self.way], at_s)), len(self.way) - 1)
        (t0, x0, y0), (t1, x1, y1) = self.way[after - 1], self.way[after]
        share = (at_s - t0) / (t1 - t0)
        return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody who crosses at row ``y``, ``height`` pixels tall, from ``x`` on at ``enters_s``, or back."""

    poses: Sequence[Sprite]
    enters_s: float
    x: float
    y: float
    height: float
    px_per_s: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip and its truth. gain: Brightness at each time. shift: The camera's shake in pixels. noise: Grey levels.

    lamps: Where light of others falls at each time: centre, radius. unseen: Spans without any picture.
    """

    name: str
    seconds: int
    background: Pixels
    things: Sequence[Thing] = ()
    walkers: Sequence[Walker] = ()
    truths: Sequence[Truth] = ()
    gain: Callable[[float], float] = always
    shift: Callable[[float], tuple[float, float]] = still
    lamps: Callable[[float], Sequence[tuple[float, float, float]]] = field(default=lambda _: ())
    unseen: Sequence[tuple[float, float]] = ()
    noise: float = 2.5


def box_of(sprite: Sprite, x: float, y: float, size_wh: tuple[int, int]) -> tuple[float, float, float, float]:
    """Returns the box of what is solid of a sprite, as shares of the picture, cut at its edges."""
    rows, columns = np.nonzero(sprite.cover[..., 0] > SOLID)
    height, width = sprite.cover.shape[:2]
    left, top = x - width / 2, y - height
    edges = (left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1)
    x1, y1, x2, y2 = (float(np.clip(e / size, 0, 1)) for e, size in zip(edges, size_wh * 2, strict=True))
    return x1, y1, x2, y2


def compose(scene: Scene, path: Path) -> None:
    """Writes the clip as H.264 in an MP4; pictures of unseen spans are absent, and time goes on.

    Raises: OSError: If ``path`` cannot be written.
    """
    height, width = scene.background.shape[:2]
    dice = np.random.default_rng(7)
    noise = dice.normal(0, scene.noise, (NOISE_FIELDS, height, width, 1)).round().astype(np.int8).repeat(3, 3)
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"g": "1", "bf": "0", "preset": "veryfast", "crf": "23"}
        for index in range(scene.seconds * FPS):
            at_s = index / FPS
            if any(from_s <= at_s < to_s for from_s, to_s in scene.unseen):
                continue
            picture = np.asarray(cv2.add(_picture(scene, at_s), noise[index % NOISE_FIELDS], dtype=cv2.CV_8U), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _picture(scene: Scene, at_s: float) -> Pixels:
    picture = scene.background.copy()
    placed = [(place[1], thing, place) for thing in scene.things if (place := thing.at(at_s)) is not None]
    # What stands lower in the picture is nearer; of one row the walkers are.
    drawn = [(y, partial(_lay_thing, picture, thing.sprite, place)) for y, thing, place in placed]
    drawn += [(walker.y, partial(_lay_walker, picture, walker, at_s)) for walker in scene.walkers]
    for _, draw in sorted(drawn, key=lambda item: item[0]):
        draw()
    lit = _lit(picture, scene.gain(at_s), scene.lamps(at_s))
    dx, dy = scene.shift(at_s)
    if dx or dy:
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(lit, move, (lit.shape[1], lit.shape[0]), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8)
    return lit


def _lay_thing(picture: Pixels, sprite: Sprite, place: tuple[float, float]) -> None:
    height, width = sprite.cover.shape[:2]
    lay(picture, sprite, (round(place[0] - width / 2), round(place[1] - height)))


def _lay_walker(picture: Pixels, walker: Walker, at_s: float) -> None:
    walked = (at_s - walker.enters_s) * abs(walker.px_per_s)
    x = walker.x + (at_s - walker.enters_s) * walker.px_per_s
    if at_s < walker.enters_s or not -walker.height < x < picture.shape[1] + walker.height:
        return
    pose = walker.poses[int(walked / stride_px(int(walker.height)) * POSES) % POSES]
    lay_figure(picture, pose, foot=(x, walker.y), height=walker.height)


def _lit(picture: Pixels, gain: float, lamps: Sequence[tuple[float, float, float]]) -> Pixels:
    if gain == 1.0 and not lamps:
        return picture
    light = np.full(picture.shape[:2], gain, np.float32)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    for x, y, radius in lamps:
        light += np.exp(-(((columns - x) / radius) ** 2 + ((rows - y) / (radius * 0.5)) ** 2))
    return np.asarray(np.clip(picture * light[..., None], 0, 255), np.uint8)
