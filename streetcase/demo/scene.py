"""Draws the demonstration's own street: people cross it, and a truck and a car stand at the top right all the time.

Stands in where the real footage cannot be fetched. It is made of drawn shapes only, yet the street model sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from streetcase.demo.scene_brush import Pixels, Plane, Sprite, lay
from streetcase.demo.scene_people import FIGURES, POSES, stride_px, walking
from streetcase.demo.scene_vehicles import box_truck, car

SIZE_WH = (768, 576)

KEYFRAME_EVERY_S = 25
GROUND_Y = 128
TRUCK_X, CAR_X = 550, 708  # The car is cut by the edge of the picture, as one is in the real footage.
FIRST_LANE_Y, LAST_LANE_Y = 225, 568
MASTER_HEIGHT = 144
WALK_CYCLE_S = 1.15
MEAN_INTERVAL_S = 2.6
NOISE_FIELDS = 8
NOISE_SIGMA = 2.5


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody who enters at one side at ``enters_s`` and leaves at the other, along a slightly slanting lane."""

    poses: list[Sprite]
    enters_s: float
    to_right: bool
    lane_y: tuple[float, float]
    pace: float


def render_scene(path: Path, *, seconds: float = 80.0, fps: int = 10) -> None:
    """Writes the clip as H.264 in an MP4, with a keyframe every 25 s only, like the footage that it stands in for.

    Raises:
        ValueError: If ``seconds`` or ``fps`` is not positive.
        OSError: If ``path`` cannot be written.
    """
    if seconds <= 0 or fps <= 0:
        raise ValueError(f"a clip needs a length and a frame rate above 0, got {seconds} s and {fps}")
    dice = np.random.default_rng(20)
    empty = street(dice)
    walkers = _walkers(dice, seconds)
    noise = dice.normal(0, NOISE_SIGMA, (NOISE_FIELDS, SIZE_WH[1], SIZE_WH[0], 1)).round().astype(np.int8).repeat(3, 3)
    gop = str(KEYFRAME_EVERY_S * fps)
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuv420p"
        stream.options = {
            "g": gop,
            "keyint_min": gop,
            "sc_threshold": "0",
            "bf": "0",
            "preset": "veryfast",
            "crf": "22",
        }
        for index in range(round(seconds * fps)):
            picture = empty.copy()
            _lay_walkers(picture, walkers, index / fps)
            grainy = np.asarray(cv2.add(picture, noise[index % NOISE_FIELDS], dtype=cv2.CV_8U), np.uint8)
            frame = av.VideoFrame.from_ndarray(grainy, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _walkers(dice: np.random.Generator, seconds: float) -> list[Walker]:
    right = [walking(figure, MASTER_HEIGHT) for figure in FIGURES]
    left = [[pose.mirrored() for pose in poses] for poses in right]
    walkers: list[Walker] = []
    enters_s = -12.0  # Some are on their way already when the clip begins.
    while enters_s < seconds:
        number = len(walkers)
        to_right = bool(dice.random() < 0.5)
        lane = float(dice.uniform(FIRST_LANE_Y, LAST_LANE_Y))
        leaves = float(np.clip(lane + dice.uniform(-60, 60), FIRST_LANE_Y, LAST_LANE_Y))
        poses = (right if to_right else left)[number % len(FIGURES)]
        walkers.append(Walker(poses, enters_s, to_right, (lane, leaves), float(dice.uniform(0.9, 1.15))))
        enters_s += float(dice.uniform(0.6, 1.4)) * MEAN_INTERVAL_S
    return walkers


def _height_at(lane_y: float) -> float:
    """Returns how tall people are whose feet are at this row: the camera looks down a little."""
    return 78 + (lane_y - FIRST_LANE_Y) * 0.17


def _lay_walkers(picture: Pixels, walkers: list[Walker], now_s: float) -> None:
    placed = []
    for walker in walkers:
        height = _height_at(sum(walker.lane_y) / 2)
        walked = (now_s - walker.enters_s) * walker.pace * stride_px(int(height)) / WALK_CYCLE_S
        share = walked / (SIZE_WH[0] + height)
        if 0 <= share <= 1:
            foot_y = walker.lane_y[0] + (walker.lane_y[1] - walker.lane_y[0]) * share
            placed.append((foot_y, walked, walker))
    for foot_y, walked, walker in sorted(placed, key=lambda item: item[0]):
        height = _height_at(foot_y)
        x = walked - height / 2
        pose = walker.poses[int(walked / stride_px(int(height)) * POSES) % POSES]
        lay_figure(picture, pose, foot=(x if walker.to_right else SIZE_WH[0] - x, foot_y), height=height)


def lay_figure(picture: Pixels, pose: Sprite, *, foot: tuple[float, float], height: float) -> None:
    scale = height / MASTER_HEIGHT
    size = (round(pose.cover.shape[1] * scale), round(pose.cover.shape[0] * scale))
    colour = np.asarray(cv2.resize(pose.colour, size, interpolation=cv2.INTER_AREA), np.float32)
    cover = np.asarray(cv2.resize(pose.cover, size, interpolation=cv2.INTER_AREA), np.float32)[..., None]
    _shade_ground(picture, foot, height)
    lay(picture, Sprite(colour, cover), (round(foot[0] - size[0] / 2), round(foot[1] - size[1])))


def _shade_ground(picture: Pixels, foot: tuple[float, float], height: float) -> None:
    """Darkens an ellipse on the ground beside the feet: the sun stands behind the camera, to the left."""
    half_x, half_y = height * 0.26, height * 0.055
    x1, x2 = max(int(foot[0] - half_x), 0), min(int(foot[0] + 2 * half_x), picture.shape[1])
    y1, y2 = max(int(foot[1] - 2 * half_y), 0), min(int(foot[1] + half_y), picture.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    x, y = np.meshgrid(np.arange(x1, x2), np.arange(y1, y2))
    distance = ((x - foot[0] - half_x * 0.5) / (1.5 * half_x)) ** 2 + (
        (y - foot[1] + half_y * 0.5) / (1.5 * half_y)
    ) ** 2
    light = 1 - 0.4 * np.clip(1 - distance, 0, 1)[..., None]
    picture[y1:y2, x1:x2] = picture[y1:y2, x1:x2] * light


def street(dice: np.random.Generator) -> Pixels:
    """Returns everything that never moves: wall, car park, kerb, lawn, paths and the two vehicles."""
    picture = np.empty((SIZE_WH[1], SIZE_WH[0], 3), np.float32)
    picture[:46] = _texture(dice, (SIZE_WH[0], 46), colour=(104, 118, 132), rough=7)
    picture[46:150] = _texture(dice, (SIZE_WH[0], 104), colour=(112, 112, 112), rough=5)
    picture[150:] = _texture(dice, (SIZE_WH[0], SIZE_WH[1] - 150), colour=(66, 112, 92), rough=11)
    for row in range(0, 46, 9):
        picture[row] *= 0.86
        picture[row : row + 9, (row // 9 % 2) * 11 :: 22] *= 0.9
    picture[46:50] *= 0.7
    for x in (380, 548, 710):
        cv2.line(picture, (x, 132), (x - 14, 60), (176, 178, 178), 2, cv2.LINE_AA)
    picture[150:157] = 158
    picture[157:160] = 84
    _pave(picture, dice, [(0, 190), (768, 214), (768, 330), (0, 300)])
    _pave(picture, dice, [(0, 430), (768, 400), (768, 576), (0, 576)])
    _pave(picture, dice, [(330, 290), (450, 295), (560, 420), (370, 425)])
    still = np.clip(picture, 0, 255).astype(np.uint8)
    truck, hatchback = box_truck(150).mirrored(), car(114).mirrored()
    lay(still, truck, (TRUCK_X, GROUND_Y - truck.cover.shape[0]))
    lay(still, hatchback, (CAR_X, GROUND_Y - hatchback.cover.shape[0]))
    return np.asarray(cv2.GaussianBlur(still, (0, 0), 0.6), np.uint8)


def _pave(picture: Plane, dice: np.random.Generator, corners: list[tuple[int, int]]) -> None:
    """Lays slabs into a polygon of the picture, with a darker edge."""
    slabs = _texture(dice, SIZE_WH, colour=(148, 156, 160), rough=6)
    for x in range(0, 1600, 46):
        cv2.line(slabs, (x, 0), (x - 420, SIZE_WH[1]), (126, 132, 136), 1, cv2.LINE_AA)
    for y in range(160, SIZE_WH[1], 24):
        cv2.line(slabs, (0, y), (SIZE_WH[0], y), (128, 134, 138), 1, cv2.LINE_AA)
    mask = np.zeros((SIZE_WH[1], SIZE_WH[0]), np.uint8)
    outline = [np.array(corners, np.int32)]
    cv2.fillPoly(mask, outline, 255)
    picture[mask > 0] = slabs[mask > 0]
    cv2.polylines(picture, outline, True, (110, 122, 122), 2, cv2.LINE_AA)


def _texture(
    dice: np.random.Generator, size_wh: tuple[int, int], *, colour: tuple[float, float, float], rough: float
) -> Plane:
    """Returns a surface of one colour with coarse and fine unevenness, ``rough`` grey levels strong."""
    width, height = size_wh
    surface = np.zeros((height, width), np.float32)
    for cell_px, strength in ((40, 0.8), (9, 0.6), (2, 0.7)):
        grains = dice.normal(0, strength, (height // cell_px + 2, width // cell_px + 2)).astype(np.float32)
        surface += cv2.resize(grains, size_wh, interpolation=cv2.INTER_CUBIC)
    return (np.array(colour, np.float32) + surface[..., None] * rough).astype(np.float32)
