"""Takes addresses and URLs apart: logins out of them, and no answer of a camera leads to another host."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from edge.onvif.faults import Rubbish

MAX_URL = 1000
_URL = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Login:
    """The user and the password of a camera."""

    user: str
    password: str = field(repr=False)


def login_of(url: str) -> Login | None:
    """Returns the login in a camera's URL, None where it holds none."""
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    userinfo, found, _ = authority.rpartition("@")
    if not found:
        return None
    user, _, password = userinfo.partition(":")
    return Login(unquote(user), unquote(password))


def parts_of(url: str, *, schemes: tuple[str, ...]) -> SplitResult:
    """Returns the parts of ``url``. Raises: Rubbish: It is no address of these schemes."""
    try:
        parts = urlsplit(url)
        good = parts.hostname is not None and parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or len(url) > MAX_URL or not _URL.fullmatch(url):
        raise Rubbish(f"gives an address that is none of {', '.join(schemes)}")
    return parts


def place(address: str) -> str:
    """Returns host and port of an address that was checked, without login and path."""
    return urlsplit(address).netloc.rpartition("@")[2]


def at_host_of(url: str, parts: SplitResult, address: str) -> str:
    """Returns ``url`` as it is where it leads to the host of ``address``, else its path at ``address``.

    A camera behind a router names its inner address; a hostile one would have us talk to somebody else.
    """
    if parts.hostname == urlsplit(address).hostname:
        return url
    own = urlsplit(address)
    return parts._replace(scheme=own.scheme, netloc=place(address)).geturl()


def is_same_stream(one: str, other: str) -> bool:
    """Says whether two URLs name one stream of one camera: the same path, and no query that contradicts.

    Cameras add to the query (``transportmode=unicast``) what users leave out; host, port and login may differ.
    """
    first, second = urlsplit(one), urlsplit(other)
    if unquote(first.path).strip("/") != unquote(second.path).strip("/"):
        return False
    said, also = (set(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=50)) for parts in (first, second))
    return said <= also or also <= said
