"""What the case API is told from outside: its database, its folders, its district and time zone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from api.evidence_store import EvidenceSettings
from api.people.oidc_settings import OidcSettings

Network = IPv4Network | IPv6Network
MAX_PROCESSES = 64
_USUAL_PROCESSES = 4
_POSTGRESQL = "postgresql+psycopg"
_DRIVERS = {"sqlite": "sqlite", "postgres": _POSTGRESQL, "postgresql": _POSTGRESQL, _POSTGRESQL: _POSTGRESQL}


class SettingsError(Exception):
    """A setting is missing or cannot be used; the message names it and what was expected."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """database_url: of SQLite or PostgreSQL; it may hold a password, so it is never shown.

    district: six digits, the first part of a case number. time_zone: whose days the numbers count.
    session_hours, session_idle_minutes: how long a login lasts at most, and without any request.
    trusted_proxies: whose word about a client's address is believed.
    evidence_url, evidence_key_file: see ``EvidenceSettings``. retention_file, scoring_file: None for the
    tables of this release.
    audit_heads_file: where the head of the audit trail is written each day; None for beside the evidence.
    oidc: the identity provider, None for passwords alone.
    processes: how many serve; 0: one on SQLite, which has one writer anyway, and on PostgreSQL one for each core, four
    at most.
    """

    database_url: str = field(repr=False)
    evidence_dir: Path
    service_key_file: Path
    time_zone: str = "Asia/Shanghai"
    district: str = "000000"
    session_hours: float = 12.0
    session_idle_minutes: float = 120.0
    trusted_proxies: tuple[Network, ...] = ()
    evidence_url: str | None = field(default=None, repr=False)
    evidence_key_file: Path | None = None
    retention_file: Path | None = None
    scoring_file: Path | None = None
    audit_heads_file: Path | None = None
    oidc: OidcSettings | None = None
    processes: int = 0

    def __post_init__(self) -> None:
        # Frozen: the one place that brings the URL into the form that SQLAlchemy's drivers want.
        object.__setattr__(self, "database_url", _with_driver(self.database_url))
        if self.time_zone not in available_timezones():
            raise SettingsError(f"time zone: expected a name like Asia/Shanghai, got {self.time_zone!r}")
        if not re.fullmatch(r"[0-9]{6}", self.district):
            raise SettingsError(f"district: expected six digits, got {self.district!r}")
        if not 0 < self.session_hours <= 24 * 30:
            raise SettingsError(f"session hours: expected more than 0 and 720 at most, got {self.session_hours}")
        if not 1 <= self.session_idle_minutes <= 60 * 24 * 30:
            got = self.session_idle_minutes
            raise SettingsError(f"session idle minutes: expected 1 to 43200, got {got}")
        if not 0 <= self.processes <= MAX_PROCESSES:
            raise SettingsError(f"processes: expected 0 to {MAX_PROCESSES}, got {self.processes}")
        if self.processes == 0:
            object.__setattr__(self, "processes", _usual_processes(self.database_url))

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def evidence(self) -> EvidenceSettings:
        return EvidenceSettings(folder=self.evidence_dir, url=self.evidence_url, key_file=self.evidence_key_file)

    @property
    def audit_heads(self) -> Path:
        return self.audit_heads_file or self.evidence_dir.absolute().parent / "audit-heads.jsonl"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Reads STREETCASE_* variables. Without STREETCASE_DATABASE_URL, SQLite lies beside the evidence folder.

        Raises: SettingsError: Naming the variable and what was expected of it.
        """
        evidence_dir = Path(_required(environ, "STREETCASE_EVIDENCE_DIR", example="/srv/streetcase/evidence"))
        service_key_file = Path(
            _required(environ, "STREETCASE_SERVICE_KEY_FILE", example="/srv/streetcase/service.key")
        )
        beside = f"sqlite:///{evidence_dir.absolute().parent / 'streetcase.db'}"
        return cls(
            database_url=environ.get("STREETCASE_DATABASE_URL") or beside,
            evidence_dir=evidence_dir,
            service_key_file=service_key_file,
            time_zone=environ.get("STREETCASE_TIME_ZONE") or "Asia/Shanghai",
            district=environ.get("STREETCASE_DISTRICT") or "000000",
            session_hours=_number(environ, "STREETCASE_SESSION_HOURS", 12.0),
            session_idle_minutes=_number(environ, "STREETCASE_SESSION_IDLE_MINUTES", 120.0),
            trusted_proxies=_networks(environ, "STREETCASE_TRUSTED_PROXIES"),
            evidence_url=environ.get("STREETCASE_EVIDENCE_URL", "").strip() or None,
            evidence_key_file=_path(environ, "STREETCASE_EVIDENCE_KEY_FILE"),
            retention_file=_path(environ, "STREETCASE_RETENTION_FILE"),
            scoring_file=_path(environ, "STREETCASE_SCORING_FILE"),
            audit_heads_file=_path(environ, "STREETCASE_AUDIT_HEADS_FILE"),
            oidc=_oidc(environ),
            processes=_whole(environ, "STREETCASE_API_PROCESSES", 0),
        )


def _required(environ: Mapping[str, str], name: str, *, example: str) -> str:
    value = environ.get(name)
    if not value:
        raise SettingsError(f"{name} is not set; expected a path like {example}")
    return value


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "").strip()
    return Path(text) if text else None


def _number(environ: Mapping[str, str], name: str, otherwise: float) -> float:
    text = environ.get(name) or str(otherwise)
    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(f"{name}: expected a number, got {text!r}") from error


def _whole(environ: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environ.get(name) or str(otherwise)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise SettingsError(f"{name}: expected a whole number, got {text!r}")
    return int(text)


def _usual_processes(database_url: str) -> int:
    if make_url(database_url).get_backend_name() == "sqlite":
        return 1
    return min(len(os.sched_getaffinity(0)), _USUAL_PROCESSES)


def _oidc(environ: Mapping[str, str]) -> OidcSettings | None:
    try:
        return OidcSettings.from_environment(environ)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    texts = [text.strip() for text in environ.get(name, "").split(",") if text.strip()]
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(f"{name}: expected addresses or networks like 10.0.0.0/8, got {error}") from error


def _with_driver(database_url: str) -> str:
    expected = "expected sqlite:////path/to/file.db or postgresql://user:password@host/name"
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        # Not chained and not shown: the text may hold a password.
        raise SettingsError(f"database URL: {expected}, got something else") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise SettingsError(f"database URL: {expected}, got one of {url.drivername}")
    if driver != "sqlite" and "@" in f"{url.host}{url.database}":
        # The rest of a password that was not escaped: the server's own message would show it.
        raise SettingsError(f"database URL: {expected}, with @ in a password written as %40")
    if driver == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsError(f"database URL: {expected}, got SQLite without a file")
    return url.set(drivername=driver).render_as_string(hide_password=False)
