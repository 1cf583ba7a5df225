"""From where a request comes: the other end of the connection, or what a trusted proxy says of it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request

from api.services import services_of
from api.settings import Network

NOWHERE = "-"


def address_of(request: Request) -> str:
    """Returns the client's address as failures are counted for it and a session shows it, ``-`` for none.

    X-Forwarded-For counts only where the connection comes from one of STREETCASE_TRUSTED_PROXIES: anybody can send it.
    """
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("X-Forwarded-For"))
    return address_group(believed(peer, forwarded, services_of(request).settings.trusted_proxies))


def believed(peer: str, forwarded: str, trusted: Iterable[Network]) -> str:
    """Returns the nearest address that is no trusted proxy; each proxy adds the one that it heard from at the end."""
    networks = tuple(trusted)
    address = peer
    for said in [*reversed(forwarded.split(","))] if forwarded else []:
        if not _is_in(address, networks):
            break
        address = said.strip()
    return address


def address_group(address: str) -> str:
    """Returns an IPv4 address, or the network of 64 bits that one IPv6 client has for itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return NOWHERE
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed) >> 64 << 64, 64)))


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
