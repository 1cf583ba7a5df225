"""A virtual ONVIF camera: answers probes over UDP and SOAP over HTTP, checks logins, and misbehaves as told."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

from tests.services.ports import HOST

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_SCHEMA = "http://www.onvif.org/ver10/schema"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
USER, PASSWORD = "viewer", "s3cret-word"
CLOCK_TOLERANCE = timedelta(seconds=10)
ENTITY_BOMB = (
    b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<s:Envelope xmlns:s="' + _SOAP.encode() + b'"><s:Body><x>&c;</x></s:Body></s:Envelope>'
)

Misbehaviour = Callable[[BaseHTTPRequestHandler], object]
"""Answers in the camera's place; returns True where it let the camera answer."""


@dataclass(frozen=True)
class Stream:
    """A profile of the virtual camera; ``codec`` as ONVIF writes it."""

    token: str
    uri: str
    codec: str = "H264"
    size_wh: tuple[int, int] = (1920, 1080)
    frames_per_s: int = 25
    gop: int = 50


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Says nothing: who asks may hang up on a camera that misbehaves."""


class OnvifCamera:
    """A running camera. ``asked`` holds the profile tokens of which a keyframe was asked, ``url`` its device service.

    Change ``streams``, ``password``, ``clock_ahead``, ``has_media2``, ``says_host`` and ``misbehave`` while it runs.
    """

    def __init__(self, streams: list[Stream], *, user: str = USER, password: str = PASSWORD) -> None:
        self.streams, self.user, self.password = streams, user, password
        self.clock_ahead = timedelta()
        self.has_media2 = False
        self.has_get_services = True
        self.misbehave: Misbehaviour | None = None
        self.before_probe_match: bytes | None = None
        self.asked: list[str] = []
        self.calls: list[str] = []
        self.model = "Street 7"
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if camera.misbehave is not None and camera.misbehave(self) is not True:
                    self.close_connection = True
                    return
                answer_with(self, *camera._answer(body))

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = _Server((HOST, 0), Handler)
        self.port = self._server.server_port
        self.says_host = f"{HOST}:{self.port}"
        self.url = f"http://{HOST}:{self.port}/onvif/device_service"
        self._probes = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._probes.bind((HOST, 0))
        self._probes.settimeout(0.05)
        self.probe_port: int = self._probes.getsockname()[1]
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), name="onvif-camera"),
            threading.Thread(target=self._answer_probes, args=(self._probes,), name="onvif-probes"),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Loses its power; it may be called again."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join(timeout=10)
        self._server.server_close()

    def join_multicast(self) -> tuple[str, int]:
        """Answers probes to a multicast group of the loopback, too; returns the group's address and port."""
        group = "239.255.77.7"
        self._grouped = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._grouped.bind((group, 0))
        self._grouped.settimeout(0.05)
        membership = socket.inet_aton(group) + socket.inet_aton(HOST)
        self._grouped.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._threads.append(threading.Thread(target=self._answer_probes, args=(self._grouped,), name="onvif-group"))
        self._threads[-1].start()
        return group, self._grouped.getsockname()[1]

    def _answer_probes(self, heard: socket.socket) -> None:
        with heard:
            while not self._stop.is_set():
                try:
                    probe, sender = heard.recvfrom(65535)
                except TimeoutError:
                    continue
                asked = ElementTree.fromstring(probe)  # noqa: S314 - of our own tests
                ident = next(e.text for e in asked.iter() if e.tag.endswith("}MessageID"))
                if self.before_probe_match is not None:
                    self._probes.sendto(self.before_probe_match, sender)
                self._probes.sendto(self._probe_match(ident or ""), sender)

    def _probe_match(self, relates_to: str) -> bytes:
        wsa = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
        wsd = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
        return (
            f'<s:Envelope xmlns:s="{_SOAP}" xmlns:a="{wsa}" xmlns:d="{wsd}"><s:Header>'
            f"<a:RelatesTo>{relates_to}</a:RelatesTo><a:Action>{wsd}/ProbeMatches</a:Action></s:Header><s:Body>"
            "<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:7</a:Address></a:EndpointReference>"
            f'<d:Types xmlns:dn="http://www.onvif.org/ver10/network/wsdl">dn:NetworkVideoTransmitter</d:Types>'
            "<d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/North%20Gate</d:Scopes>"
            f"<d:XAddrs>http://{self.says_host}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
            "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        ).encode()

    def _answer(self, body: bytes) -> tuple[int, bytes]:
        envelope = ElementTree.fromstring(body)  # noqa: S314 - of our own tests
        operation = next(iter(next(e for e in envelope if e.tag.endswith("}Body"))))
        namespace, _, name = operation.tag[1:].partition("}")
        self.calls.append(name)
        if name != "GetSystemDateAndTime" and not self._is_let_in(envelope):
            return 400, _fault("ter:NotAuthorized", "Sender not Authorized")
        token = next((e.text or "" for e in operation if e.tag.endswith("}ProfileToken")), "")
        if namespace == DEVICE:
            return self._of_device(name)
        if (namespace == MEDIA2) != self.has_media2 or (token and token not in [s.token for s in self.streams]):
            return 500, _fault("ter:NoProfile", "No such profile")
        return 200, _envelope(namespace, self._of_media(name, token, second=namespace == MEDIA2))

    def _is_let_in(self, envelope: ElementTree.Element) -> bool:
        found = {e.tag.rpartition("}")[2]: e.text or "" for e in envelope.iter()}
        if found.get("Username") != self.user or "Created" not in found:
            return False
        signed = base64.b64decode(found["Nonce"]) + (found["Created"] + self.password).encode()
        digest = hashlib.sha1(signed).digest()  # noqa: S324 - as WS-Security says
        created = datetime.fromisoformat(found["Created"].replace("Z", "+00:00"))
        is_now = abs(created - (datetime.now(UTC) + self.clock_ahead)) < CLOCK_TOLERANCE
        return is_now and base64.b64decode(found["Password"]) == digest

    def _of_device(self, name: str) -> tuple[int, bytes]:
        at = f"http://{self.says_host}/onvif/media"
        if name == "GetSystemDateAndTime":
            now = datetime.now(UTC) + self.clock_ahead
            inner = (
                "<r:GetSystemDateAndTimeResponse><r:SystemDateAndTime><t:DateTimeType>NTP</t:DateTimeType>"
                "<t:DaylightSavings>false</t:DaylightSavings><t:UTCDateTime>"
                f"<t:Time><t:Hour>{now.hour}</t:Hour><t:Minute>{now.minute}</t:Minute><t:Second>{now.second}</t:Second>"
                f"</t:Time><t:Date><t:Year>{now.year}</t:Year><t:Month>{now.month}</t:Month><t:Day>{now.day}</t:Day>"
                "</t:Date></t:UTCDateTime></r:SystemDateAndTime></r:GetSystemDateAndTimeResponse>"
            )
        elif name == "GetDeviceInformation":
            inner = (
                f"<r:GetDeviceInformationResponse><r:Manufacturer>Virtual</r:Manufacturer><r:Model>{self.model}</r:Model>"
                "<r:FirmwareVersion>1</r:FirmwareVersion><r:SerialNumber>7</r:SerialNumber><r:HardwareId>1</r:HardwareId>"
                "</r:GetDeviceInformationResponse>"
            )
        elif name == "GetServices" and self.has_get_services:
            media = MEDIA2 if self.has_media2 else MEDIA
            inner = "".join(
                f"<r:Service><r:Namespace>{ns}</r:Namespace><r:XAddr>{xaddr}</r:XAddr>"
                "<r:Version><t:Major>2</t:Major><t:Minor>5</t:Minor></r:Version></r:Service>"
                for ns, xaddr in ((DEVICE, f"http://{self.says_host}/onvif/device_service"), (media, at))
            )
            inner = f"<r:GetServicesResponse>{inner}</r:GetServicesResponse>"
        elif name == "GetCapabilities":
            inner = (
                f"<r:GetCapabilitiesResponse><r:Capabilities><t:Media><t:XAddr>{at}</t:XAddr><t:StreamingCapabilities/>"
                "</t:Media></r:Capabilities></r:GetCapabilitiesResponse>"
            )
        else:
            return 500, _fault("ter:ActionNotSupported", "Optional Action Not Implemented")
        return 200, _envelope(DEVICE, inner)

    def _of_media(self, name: str, token: str, *, second: bool) -> str:
        if name == "SetSynchronizationPoint":
            self.asked.append(token)
            return "<r:SetSynchronizationPointResponse/>"
        if name == "GetStreamUri":
            uri = next(stream.uri for stream in self.streams if stream.token == token).replace("&", "&amp;")
            told = (
                f"<r:Uri>{uri}</r:Uri>"
                if second
                else (
                    f"<r:MediaUri><t:Uri>{uri}</t:Uri><t:InvalidAfterConnect>false</t:InvalidAfterConnect>"
                    "<t:InvalidAfterReboot>false</t:InvalidAfterReboot><t:Timeout>PT0S</t:Timeout></r:MediaUri>"
                )
            )
            return f"<r:GetStreamUriResponse>{told}</r:GetStreamUriResponse>"
        of = _profile2 if second else _profile
        return f"<r:GetProfilesResponse>{''.join(map(of, self.streams))}</r:GetProfilesResponse>"


def answer_with(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """Sends one whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", "application/soap+xml")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _envelope(namespace: str, inner: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns:r="{namespace}" xmlns:t="{_SCHEMA}"><s:Body>{inner}</s:Body></s:Envelope>'
    ).encode()


def _fault(subcode: str, reason: str) -> bytes:
    return _envelope(
        DEVICE,
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value>"
        f'<s:Subcode><s:Value xmlns:ter="http://www.onvif.org/ver10/error">{subcode}</s:Value></s:Subcode></s:Code>'
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>',
    )


def _profile(stream: Stream) -> str:
    width, height = stream.size_wh
    return (
        f'<r:Profiles token="{stream.token}" fixed="true"><t:Name>{stream.token}</t:Name>'
        '<t:VideoSourceConfiguration token="vsc"><t:Name>v</t:Name><t:UseCount>2</t:UseCount>'
        '<t:SourceToken>lens</t:SourceToken><t:Bounds x="0" y="0" width="1920" height="1080"/>'
        '</t:VideoSourceConfiguration><t:VideoEncoderConfiguration token="vec"><t:Name>e</t:Name>'
        f"<t:UseCount>1</t:UseCount><t:Encoding>{stream.codec}</t:Encoding>"
        f"<t:Resolution><t:Width>{width}</t:Width><t:Height>{height}</t:Height></t:Resolution><t:Quality>4</t:Quality>"
        f"<t:RateControl><t:FrameRateLimit>{stream.frames_per_s}</t:FrameRateLimit>"
        "<t:EncodingInterval>1</t:EncodingInterval><t:BitrateLimit>4096</t:BitrateLimit></t:RateControl>"
        f"<t:H264><t:GovLength>{stream.gop}</t:GovLength><t:H264Profile>Main</t:H264Profile></t:H264>"
        "<t:Multicast><t:Address><t:Type>IPv4</t:Type></t:Address><t:Port>0</t:Port><t:TTL>1</t:TTL>"
        "<t:AutoStart>false</t:AutoStart></t:Multicast><t:SessionTimeout>PT60S</t:SessionTimeout>"
        "</t:VideoEncoderConfiguration></r:Profiles>"
    )


def _profile2(stream: Stream) -> str:
    width, height = stream.size_wh
    return (
        f'<r:Profiles token="{stream.token}" fixed="true"><r:Name>{stream.token}</r:Name><r:Configurations>'
        '<r:VideoSource token="vsc"><t:SourceToken>lens</t:SourceToken></r:VideoSource>'
        f'<r:VideoEncoder token="vec" GovLength="{stream.gop}" Profile="Main"><t:Encoding>{stream.codec}</t:Encoding>'
        f"<t:Resolution><t:Width>{width}</t:Width><t:Height>{height}</t:Height></t:Resolution>"
        f"<t:RateControl><t:FrameRateLimit>{stream.frames_per_s}.0</t:FrameRateLimit>"
        "<t:BitrateLimit>4096</t:BitrateLimit></t:RateControl></r:VideoEncoder></r:Configurations></r:Profiles>"
    )
