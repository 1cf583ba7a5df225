"""Tells what cameras said: a table for people, JSON for machines, and cameras for an edge's YAML file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.onvif.addresses import place
from edge.onvif.description import Description, Stream

USER_VARIABLE, PASSWORD_VARIABLE = "CAMERA_USER", "CAMERA_PASSWORD"


def print_cameras(console: Console, cameras: Sequence[Description]) -> None:
    """Prints a line for each stream; what a camera says is never read as markup."""
    table = Table("camera", "name", "model", "stream", "codec", "size", "pictures/s", "GOP", "URL")
    for camera in cameras:
        roles = _roles(camera)
        first = [place(camera.url), camera.name, camera.model]
        for stream in camera.streams:
            profile = stream.profile
            size = "" if profile.size_wh is None else "x".join(map(str, profile.size_wh))
            cells = [roles.get(stream.url, ""), profile.codec, size, _number(profile.frames_per_s)]
            table.add_row(*map(Text, [*first, *cells, _gop(stream), stream.url]))
            first = ["", "", ""]
        if not camera.streams:
            table.add_row(*map(Text, [*first, "", "", "", "", "", ""]))
    console.print(table)
    for camera in cameras:
        for line in [*camera.notes, *([camera.fault] if camera.fault else [])]:
            console.print(Text(with_place(camera, line), style="red" if line == camera.fault else "yellow"))


def with_place(camera: Description, line: str) -> str:
    """Returns a note or fault of ``camera`` that says of which."""
    return line if line.startswith(place(camera.url)) else f"{place(camera.url)}: {line}"


def as_json(cameras: Sequence[Description]) -> list[dict[str, Any]]:
    """Returns the cameras as JSON can say them; sizes in pixels, GOPs in pictures."""
    return [
        {
            "onvif": camera.url,
            "name": camera.name,
            "model": camera.model,
            "fault": camera.fault,
            "notes": camera.notes,
            "streams": [
                {
                    "role": _roles(camera).get(stream.url),
                    "profile": stream.profile.token,
                    "codec": stream.profile.codec,
                    "size_wh": stream.profile.size_wh,
                    "frames_per_s": stream.profile.frames_per_s,
                    "gop_frames": stream.profile.gop_frames,
                    "url": stream.url,
                }
                for stream in camera.streams
            ],
        }
        for camera in cameras
    ]


def as_yaml(cameras: Sequence[Description], *, with_login: bool) -> str:
    """Returns ``cameras:`` for an edge's file; with a login as ``${NAME}``, and its values nowhere."""
    entries: list[dict[str, Any]] = []
    for camera in cameras:
        for view in camera.views:
            entry = {"id": _id(camera, {e["id"] for e in entries}), "url": _with_login(view.main.url, with_login)}
            if view.substream is not None:
                entry["substream"] = _with_login(view.substream.url, with_login)
            # As in the streams' URLs: the edge puts its environment where a value says ${NAME}.
            entry["onvif"] = camera.url.replace("$", "%24")
            entries.append(entry)
    head = (
        f"# {USER_VARIABLE} and {PASSWORD_VARIABLE} come from the environment, as a URL writes them: @ is %40\n"
        if with_login
        else ""
    )
    return head + yaml.safe_dump({"cameras": entries}, sort_keys=False, allow_unicode=True, width=1000)


def _roles(camera: Description) -> dict[str, str]:
    roles = {}
    for view in camera.views:
        roles[view.main.url] = "main"
        if view.substream is not None:
            roles[view.substream.url] = "sub"
    return roles


def _with_login(url: str, with_login: bool) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://${{{USER_VARIABLE}}}:${{{PASSWORD_VARIABLE}}}@{rest}" if with_login else url


def _id(camera: Description, taken: set[str]) -> str:
    """Returns an id of the letters that ids have, from the camera's name or else its address."""
    plain = re.sub(r"[^a-z0-9]+", "-", (camera.name or place(camera.url)).lower()).strip("-")[:40] or "camera"
    return next(name for n in range(1, len(taken) + 2) if (name := plain if n == 1 else f"{plain}-{n}") not in taken)


def _gop(stream: Stream) -> str:
    gop, rate = stream.profile.gop_frames, stream.profile.frames_per_s
    if not gop:
        return ""
    return f"{gop} ({gop / rate:.1f} s)" if rate else str(gop)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
