"""Asks the local networks which ONVIF cameras are there, by WS-Discovery: one question over UDP, bounded listening."""

from __future__ import annotations

import fcntl
import ipaddress
import selectors
import socket
import struct
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import unquote

from edge.onvif.addresses import parts_of
from edge.onvif.faults import OnvifFault, Rubbish, shown
from edge.onvif.untrusted_xml import Element, children, parsed, text

MULTICAST = ("239.255.255.250", 3702)
MAX_CAMERAS = 1000
MAX_PER_HOST = 16
_DATAGRAM_BYTES = 65535
_SIOCGIFADDR = 0x8915
_PROBE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>'
    "<a:MessageID>urn:uuid:{ident}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header><s:Body>"
    '<d:Probe xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
    '<d:Types xmlns:n="http://www.onvif.org/ver10/network/wsdl">n:NetworkVideoTransmitter</d:Types>'
    "</d:Probe></s:Body></s:Envelope>"
)


class ProbeFailed(Exception):
    """The question could not be sent; the text says from where and why."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered. ``url`` is its device service, at the address that answered; ``name`` what it says."""

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What came within the time: devices, and for a person which answers were left alone and why."""

    found: list[Found]
    notes: list[str]


def probe(*, seconds: float, interfaces: Sequence[str] = (), to: tuple[str, int] = MULTICAST) -> Answers:
    """Returns who answers a probe within ``seconds``.

    interfaces: Names (``eth0``) or own IPv4 addresses to ask from; left out, all but the loopback.
    to: Where the question goes; a camera's own address asks that one alone.
    Raises: ProbeFailed.
    """
    own = [_own_address(name) for name in interfaces] if interfaces else _own_addresses()
    if not ipaddress.ip_address(to[0]).is_multicast and not interfaces:
        own = ["0.0.0.0"]  # noqa: S104 - the system knows from where that host is reached
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        sockets = [stack.enter_context(_socket(address)) for address in own]
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        listening = _Listening(selector, until_s=time.monotonic() + seconds)
        ident = uuid.uuid4()
        for _ in range(2):  # UDP loses packets; to whom both came answers twice
            _send(sockets, _PROBE.format(ident=ident).encode(), to)
            listening.listen(seconds / 2)
        return Answers(list(listening.found.values()), sorted(listening.notes))


class _Listening:
    def __init__(self, selector: selectors.BaseSelector, *, until_s: float) -> None:
        self._selector = selector
        self._until_s = until_s
        self.found: dict[str, Found] = {}
        self.notes: set[str] = set()
        self._of_host: dict[str, int] = {}

    def listen(self, for_s: float) -> None:
        until_s = min(self._until_s, time.monotonic() + for_s)
        while (left_s := until_s - time.monotonic()) > 0 and len(self.found) < MAX_CAMERAS:
            for key, _ in self._selector.select(left_s):
                heard = key.fileobj
                if not isinstance(heard, socket.socket):
                    continue
                try:
                    answer, sender = heard.recvfrom(_DATAGRAM_BYTES)
                except OSError:  # an ICMP message about what was sent
                    continue
                self._take(answer, sender[0])

    def _take(self, answer: bytes, host: str) -> None:
        try:
            for match in children(parsed(answer), "Body", "ProbeMatches", "ProbeMatch"):
                found = _found(match, host)
                self._of_host[host] = self._of_host.get(host, 0) + (found.url not in self.found)
                if self._of_host[host] > MAX_PER_HOST:
                    raise Rubbish(f"it is more than {MAX_PER_HOST} devices")
                self.found.setdefault(found.url, found)
        except OnvifFault as fault:
            if len(self.notes) < MAX_CAMERAS:
                self.notes.add(f"{host}: left alone: {fault}")


def _found(match: Element, host: str) -> Found:
    """Raises: Rubbish: No address of it is at the host that answers."""
    said = text(match, "XAddrs").split()[:20]
    for url in said:
        if parts_of(url, schemes=("http", "https")).hostname == host:
            return Found(url, _name(text(match, "Scopes")))
    raise Rubbish(f"it names another host: {shown(' '.join(said)) or 'none'}")


def _name(scopes: str) -> str:
    for scope in scopes.split()[:100]:
        if scope.startswith("onvif://www.onvif.org/name/"):
            return shown(unquote(scope.removeprefix("onvif://www.onvif.org/name/")))
    return ""


def _send(sockets: Sequence[socket.socket], question: bytes, to: tuple[str, int]) -> None:
    """Raises: ProbeFailed: It could be sent from nowhere; a network that is down must not hide the others."""
    problems = []
    for each in sockets:
        try:
            each.sendto(question, to)
        except OSError as error:
            problems.append(f"{each.getsockname()[0]}: {error.strerror or error}")
    if len(problems) == len(sockets):
        raise ProbeFailed(f"the question could not be sent: {'; '.join(problems) or 'this machine has no network'}")


def _socket(own_address: str) -> socket.socket:
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        asking.setblocking(False)
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own_address))
        asking.bind((own_address, 0))
    except OSError as error:
        asking.close()
        raise ProbeFailed(f"{own_address}: cannot be asked from: {error.strerror or error}") from None
    return asking


def _own_addresses() -> list[str]:
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    found = [address for name in names if (address := _address_of(name)) is not None]
    if not found:
        raise ProbeFailed("this machine has no network with an IPv4 address")
    return found


def _own_address(interface: str) -> str:
    """Returns the address that ``interface`` is or has. Raises: ProbeFailed."""
    try:
        return str(ipaddress.IPv4Address(interface))
    except ValueError:
        address = _address_of(interface)
    if address is None:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise ProbeFailed(f"no interface {interface!r} with an IPv4 address; there is: {names}")
    return address


def _address_of(name: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            told = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return None
    return socket.inet_ntoa(told[20:24])
