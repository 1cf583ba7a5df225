"""What OpenID Connect is told from outside: the provider, our name there, and whom it may let in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import urlsplit

from api.rights import PEOPLE, Role

MatchClaim = Literal["email", "preferred_username"]
_PREFIX = "STREETCASE_OIDC_"


@dataclass(frozen=True, slots=True)
class GivenRole:
    """What a value of the role claim makes of somebody new; only a handler has a department."""

    role: Role
    department: str | None = None


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """client_secret: None for a public client. redirect_url: of ``/api/v1/sessions/oidc/callback``, as browsers see it.

    match_claim: which claim names a person at their first login, None for nobody. roles: by values of ``role_claim``,
    the first that somebody has counts; empty where nobody is added.
    """

    issuer: str
    client_id: str
    redirect_url: str
    client_secret: str | None = field(default=None, repr=False)
    match_claim: MatchClaim | None = None
    role_claim: str = "groups"
    roles: Mapping[str, GivenRole] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, url in (("ISSUER", self.issuer), ("REDIRECT_URL", self.redirect_url)):
            if not _is_safe(url):
                raise ValueError(f"{_PREFIX}{name}: expected https://..., or http:// on this machine, got {url!r}")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self | None:
        """Returns None where STREETCASE_OIDC_ISSUER is not set. Raises: ValueError: Naming the variable."""
        issuer = environ.get("STREETCASE_OIDC_ISSUER", "").strip()
        if not issuer:
            return None
        match_claim = environ.get("STREETCASE_OIDC_MATCH_CLAIM", "").strip() or None
        if match_claim not in (None, *get_args(MatchClaim)):
            raise ValueError(f"STREETCASE_OIDC_MATCH_CLAIM: expected email or preferred_username, got {match_claim!r}")
        return cls(
            issuer=issuer.rstrip("/"),
            client_id=_required(environ, "STREETCASE_OIDC_CLIENT_ID"),
            redirect_url=_required(environ, "STREETCASE_OIDC_REDIRECT_URL"),
            client_secret=_secret(environ.get("STREETCASE_OIDC_CLIENT_SECRET_FILE", "").strip()),
            match_claim=match_claim,  # type: ignore[arg-type]  # checked above
            role_claim=environ.get("STREETCASE_OIDC_ROLE_CLAIM", "").strip() or "groups",
            roles=_roles(environ.get("STREETCASE_OIDC_ROLES", "")),
        )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ValueError(f"{name} is not set; STREETCASE_OIDC_ISSUER needs it")
    return value


def _secret(path: str) -> str | None:
    if not path:
        return None
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"STREETCASE_OIDC_CLIENT_SECRET_FILE: cannot read {path}: {type(error).__name__}") from error
    if not secret:
        raise ValueError(f"STREETCASE_OIDC_CLIENT_SECRET_FILE: {path} is empty")
    return secret


def _roles(text: str) -> dict[str, GivenRole]:
    """Reads ``city-ops=operator, cleaners=handler:sanitation``."""
    found: dict[str, GivenRole] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(.+)=([a-z]+)(?::([A-Za-z0-9][A-Za-z0-9._-]{0,63}))?", part)
        is_handler = match is not None and match[2] == Role.HANDLER
        if match is None or match[2] not in PEOPLE or is_handler != (match[3] is not None):
            expected = "value=role with commas between, and value=handler:department"
            raise ValueError(f"STREETCASE_OIDC_ROLES: expected {expected}, got {part!r}")
        found[match[1].strip()] = GivenRole(Role(match[2]), match[3])
    return found


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname))
        )
    except ValueError:
        return False


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
