"""What a camera sends, by its Media service or by Media2, which alone tells of H.265: profiles and streams."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from edge.onvif.addresses import at_host_of, parts_of
from edge.onvif.faults import OnvifFault, Refusal, Rubbish, shown
from edge.onvif.soap import DEVICE, Caller
from edge.onvif.untrusted_xml import Element, child, children, number, text

MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"
MAX_PROFILES = 32
MAX_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream that a camera can send.

    source: The token of its video source; streams of one source show the same.
    size_wh: Pixels. gop_frames: Pictures from one keyframe to the next. None where the camera does not tell.
    """

    token: str
    name: str
    source: str
    codec: str
    size_wh: tuple[int, int] | None
    frames_per_s: int | None
    gop_frames: int | None


@dataclass(frozen=True, slots=True)
class MediaService:
    """A media service of a camera: its address, and whether it is Media2."""

    address: str
    is_second: bool

    async def profiles(self, caller: Caller) -> list[Profile]:
        """Returns the profiles that send a picture, in the camera's order. Raises: OnvifFault."""
        kind = "<Type>VideoSource</Type><Type>VideoEncoder</Type>" if self.is_second else ""
        answer = await caller.call(self.address, f'<GetProfiles xmlns="{self._namespace}">{kind}</GetProfiles>')
        found = [self._profile(profile) for profile in children(answer, "Profiles")]
        return [profile for profile in found if profile is not None][:MAX_PROFILES]

    async def stream_uri(self, caller: Caller, token: str) -> str:
        """Returns the RTSP URL of a profile as the camera says it, without a login. Raises: OnvifFault."""
        setup = (
            "<Protocol>RTSP</Protocol>"
            if self.is_second
            else f'<StreamSetup><Stream xmlns="{_SCHEMA}">RTP-Unicast</Stream><Transport xmlns="{_SCHEMA}">'
            "<Protocol>RTSP</Protocol></Transport></StreamSetup>"
        )
        body = f'<GetStreamUri xmlns="{self._namespace}">{setup}{_token(token)}</GetStreamUri>'
        answer = await caller.call(self.address, body)
        uri = text(answer, "Uri") if self.is_second else text(answer, "MediaUri", "Uri")
        parts = parts_of(uri, schemes=("rtsp", "rtsps"))
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    async def ask_keyframe(self, caller: Caller, token: str) -> None:
        """Asks for a keyframe in the streams of a profile. Raises: OnvifFault."""
        body = f'<SetSynchronizationPoint xmlns="{self._namespace}">{_token(token)}</SetSynchronizationPoint>'
        await caller.call(self.address, body)

    @property
    def _namespace(self) -> str:
        return MEDIA2 if self.is_second else MEDIA

    def _profile(self, profile: Element) -> Profile | None:
        token = profile.get("token", "")
        of = ("Configurations",) if self.is_second else ()
        encoder = child(profile, *of, "VideoEncoder" if self.is_second else "VideoEncoderConfiguration")
        source = child(profile, *of, "VideoSource" if self.is_second else "VideoSourceConfiguration")
        if encoder is None or not token or len(token) > MAX_TOKEN:
            return None
        width, height = number(encoder, "Resolution", "Width"), number(encoder, "Resolution", "Height")
        return Profile(
            token=token,
            name=shown(text(profile, "Name")),
            source=shown(text(source, "SourceToken")),
            codec=shown(text(encoder, "Encoding")).upper(),
            size_wh=(width, height) if width and height else None,
            frames_per_s=number(encoder, "RateControl", "FrameRateLimit"),
            gop_frames=_gop(encoder),
        )


async def media_services(caller: Caller) -> tuple[list[MediaService], list[str]]:
    """Returns a camera's media services, Media2 first, and notes for a person. Raises: OnvifFault."""
    try:
        answer = await caller.call(
            caller.address, f'<GetServices xmlns="{DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>'
        )
        told = {text(service, "Namespace"): text(service, "XAddr") for service in children(answer, "Service")}
    except Refusal:  # cameras older than 2011 know only this
        answer = await caller.call(
            caller.address, f'<GetCapabilities xmlns="{DEVICE}"><Category>Media</Category></GetCapabilities>'
        )
        told = {MEDIA: text(answer, "Capabilities", "Media", "XAddr")}
    services, notes = [], []
    for namespace in (MEDIA2, MEDIA):
        if said := told.get(namespace):
            parts = parts_of(said, schemes=("http", "https"))
            address = at_host_of(said, parts, caller.address)
            services.append(MediaService(address, is_second=namespace == MEDIA2))
            if address != said:
                notes.append(f"it says that its services are at {shown(parts.hostname)}; asked at its own address")
    if not services:
        raise Rubbish("names no media service, so it sends no pictures by ONVIF")
    return services, sorted(set(notes))


async def profiles_of(caller: Caller, services: list[MediaService]) -> tuple[MediaService, list[Profile]]:
    """Returns the profiles of the first service that has any, and that service. Raises: OnvifFault."""
    last: OnvifFault = Rubbish("it has no profile with a picture")
    for service in services:
        try:
            if found := await service.profiles(caller):
                return service, found
        except Refusal as refusal:
            last = refusal
    raise last


def _token(token: str) -> str:
    return f"<ProfileToken>{quoteattr(token)[1:-1]}</ProfileToken>"


def _gop(encoder: Element) -> int | None:
    said = encoder.get("GovLength", "")
    if said.isascii() and said.isdigit() and len(said) < 10:
        return int(said)
    return next((found for part in ("H264", "MPEG4") if (found := number(encoder, part, "GovLength"))), None)
