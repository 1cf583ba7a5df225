"""Finds out what a camera is and sends, in bounded time, and which stream is main and which is the substream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from edge.onvif.addresses import Login, parts_of, place
from edge.onvif.faults import NoAnswer, NotLetIn, OnvifFault, Rubbish, shown
from edge.onvif.media import MediaService, Profile, media_services, profiles_of
from edge.onvif.probe import Found
from edge.onvif.soap import DEVICE, Caller
from edge.onvif.untrusted_xml import text

CAMERA_WITHIN_S = 10.0
AT_ONCE = 8
CLOCK_OFF_S = 5.0
LOOKED_AT_WIDTH = 640
"""Pixels: a substream that is smaller shows less than a detector takes in."""

READ_CODECS = frozenset({"H264", "H265", "JPEG"})


@dataclass(frozen=True, slots=True)
class Stream:
    """A profile and its URL, which never holds a login."""

    profile: Profile
    url: str


@dataclass(frozen=True, slots=True)
class View:
    """What one lens shows: its main stream, and the smaller one to look at, where there is one."""

    main: Stream
    substream: Stream | None


@dataclass(slots=True)
class Description:
    """A camera as far as it told. ``fault`` says why it told no more; ``notes`` what a person should know."""

    url: str
    name: str = ""
    model: str = ""
    streams: list[Stream] = field(default_factory=list)
    fault: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def views(self) -> list[View]:
        """The streams sorted into main and sub, a view for each lens."""
        sources = dict.fromkeys(stream.profile.source for stream in self.streams)
        return [
            view
            for source in sources
            if (view := sorted_view([s for s in self.streams if s.profile.source == source])) is not None
        ]


def sorted_view(streams: Sequence[Stream]) -> View | None:
    """Returns the largest as main, and as substream the smallest that is wide enough to look at, else the widest."""
    fit = [stream for stream in streams if stream.profile.codec in READ_CODECS]
    if not fit:
        return None
    main = max(fit, key=_pixels)
    smaller = [stream for stream in fit if 0 < _pixels(stream) < _pixels(main)]
    wide = [stream for stream in smaller if _width(stream) >= LOOKED_AT_WIDTH]
    sub = min(wide, key=_pixels) if wide else max(smaller, key=_pixels, default=None)
    return View(main, sub)


def describe(devices: Sequence[Found], login: Login | None, *, within_s: float = CAMERA_WITHIN_S) -> list[Description]:
    """Returns for each device what it tells, ``within_s`` for each, several at once; a fault is part of it."""

    async def all_of_them() -> list[Description]:
        few = asyncio.Semaphore(AT_ONCE)

        async def one(device: Found) -> Description:
            async with few:
                return await _describe(device, login, within_s)

        return list(await asyncio.gather(*map(one, devices)))

    return asyncio.run(all_of_them())


async def _describe(device: Found, login: Login | None, within_s: float) -> Description:
    told = Description(device.url, name=device.name)
    try:
        async with asyncio.timeout(within_s), Caller(device.url, login) as caller:
            await _fill(told, caller)
    except TimeoutError:
        told.fault = str(NoAnswer(f"{place(device.url)}: no answer within {within_s:g} s"))
    except OnvifFault as fault:
        told.fault = str(fault)
    return told


async def _fill(told: Description, caller: Caller) -> None:
    ahead = await caller.learn_clock()
    if ahead is None:
        told.notes.append("it does not tell its time; if its clock is off, a right password is refused")
    elif abs(ahead.total_seconds()) > CLOCK_OFF_S:
        way = "ahead" if ahead.total_seconds() > 0 else "behind"
        told.notes.append(
            f"its clock is {abs(ahead.total_seconds()):.0f} s {way}: asked in its own time; set it, or give it NTP"
        )
    answer = await caller.call(caller.address, f'<GetDeviceInformation xmlns="{DEVICE}"/>')
    told.model = shown(f"{text(answer, 'Manufacturer')} {text(answer, 'Model')}")
    services, notes = await media_services(caller)
    told.notes += notes
    service, profiles = await profiles_of(caller, services)
    for profile in profiles:
        await _add_stream(told, caller, service, profile)


async def _add_stream(told: Description, caller: Caller, service: MediaService, profile: Profile) -> None:
    try:
        uri = await service.stream_uri(caller, profile.token)
    except (NotLetIn, NoAnswer):
        raise
    except OnvifFault as fault:
        told.notes.append(f"profile {shown(profile.token)}: no stream: {fault}")
        return
    url, note = _at_camera(uri, caller.address)
    if note:
        told.notes = sorted({*told.notes, note})
    told.streams.append(Stream(profile, url))


def _at_camera(uri: str, address: str) -> tuple[str, str | None]:
    """Returns a stream's URL at the host of ``address``, and a note where the camera named another.

    ``$`` is written as %24: the edge puts values of its environment where a URL says ``${NAME}``.
    """
    parts = parts_of(uri.replace("$", "%24"), schemes=("rtsp", "rtsps"))
    host = urlsplit(address).hostname or ""
    if parts.hostname == host:
        return parts.geturl(), None
    own = f"[{host}]" if ":" in host else host
    at_camera = parts._replace(netloc=own if parts.port is None else f"{own}:{parts.port}")
    note = f"it says that its streams are at {shown(parts.hostname)}; written here with its own address"
    return at_camera.geturl(), note


def _pixels(stream: Stream) -> int:
    width, height = stream.profile.size_wh or (0, 0)
    return width * height


def _width(stream: Stream) -> int:
    return (stream.profile.size_wh or (0, 0))[0]


def device_at(host: str) -> Found:
    """Returns the device service of a camera given as ``HOST``, ``HOST:PORT`` or as a whole URL. Raises: Rubbish."""
    url = host if "://" in host else f"http://{host}/onvif/device_service"
    parts = parts_of(url, schemes=("http", "https"))
    if parts.username is not None:
        raise Rubbish("a user and a password do not belong in the address: --user, and the password by the environment")
    return Found(url, "")
