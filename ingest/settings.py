"""Settings of gateway and worker, read from the environment by their entry points and passed down."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from api.evidence_store import EvidenceSettings
from ingest.api_memory import FRESH_S
from ingest.stream import PARTITIONS, STREAM_LIMIT

KEY_WAIT_S = 60.0
EDGE_EVENTS_PER_S = 500
ATTEMPTS = 10
PARTITIONS_MAX = 1000  # each POST counts them all
NUMBER_MAX = 10**12
STREAM_PREFIX = "streetcase"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


class SettingsError(Exception):
    """A setting is missing or does not fit; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """``redis_url`` and ``service_key`` are secrets; ``stream_limit`` is in events; ``lossy`` accepts a lax Redis.

    After ``api_fresh_s`` the API is asked again about a key and about the kinds. One edge may send
    ``edge_events_per_s`` on average, and ten seconds' worth at once.
    """

    redis_url: str = field(repr=False)
    api_url: str
    service_key: str = field(repr=False)
    evidence_dir: Path
    evidence_url: str | None = field(default=None, repr=False)
    evidence_key_file: Path | None = None
    stream_prefix: str = STREAM_PREFIX
    stream_limit: int = STREAM_LIMIT
    partitions: int = PARTITIONS
    edge_events_per_s: int = EDGE_EVENTS_PER_S
    lossy: bool = False
    api_fresh_s: float = FRESH_S

    @property
    def evidence(self) -> EvidenceSettings:
        return EvidenceSettings(folder=self.evidence_dir, url=self.evidence_url, key_file=self.evidence_key_file)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, *, key_wait_s: float = KEY_WAIT_S
    ) -> GatewaySettings:
        """Reads STREETCASE_*. Raises: SettingsError: If one is missing, or the key file does not appear in time."""
        given = os.environ if environment is None else environment
        return cls(
            redis_url=required(given, "STREETCASE_REDIS_URL"),
            api_url=api_url(given),
            evidence_dir=Path(required(given, "STREETCASE_EVIDENCE_DIR")),
            evidence_url=given.get("STREETCASE_EVIDENCE_URL") or None,
            evidence_key_file=optional_path(given, "STREETCASE_EVIDENCE_KEY_FILE"),
            stream_prefix=stream_prefix(given),
            stream_limit=_number(given, "STREETCASE_STREAM_LIMIT", STREAM_LIMIT),
            partitions=_number(given, "STREETCASE_STREAM_PARTITIONS", PARTITIONS, most=PARTITIONS_MAX),
            edge_events_per_s=_number(given, "STREETCASE_EDGE_EVENTS_PER_S", EDGE_EVENTS_PER_S),
            lossy=_flag(given, "STREETCASE_LOSSY"),
            service_key=wait_for_key(Path(required(given, "STREETCASE_SERVICE_KEY_FILE")), timeout_s=key_wait_s),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """``worker_name`` tells workers apart in logs and in the archive's files; nothing else depends on it.

    After ``stuck_after_s`` without a sign of life a worker's partitions are taken over. An event at which the API fails
    ``attempts`` times, while it takes others, is a dead letter. What is done goes into ``archive_dir``. ``sinks_file``
    names those who want to hear of it too.
    """

    redis_url: str = field(repr=False)
    api_url: str
    service_key: str = field(repr=False)
    stream_prefix: str = STREAM_PREFIX
    worker_name: str
    archive_dir: Path
    sinks_file: Path | None = None
    partitions: int = PARTITIONS
    batch: int = 200
    stuck_after_s: float = 30.0
    attempts: int = ATTEMPTS
    lossy: bool = False

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, *, key_wait_s: float = KEY_WAIT_S
    ) -> WorkerSettings:
        """Reads STREETCASE_*. Raises: SettingsError: If one is missing, or the key file does not appear in time."""
        given = os.environ if environment is None else environment
        return cls(
            redis_url=required(given, "STREETCASE_REDIS_URL"),
            api_url=api_url(given),
            stream_prefix=stream_prefix(given),
            worker_name=given.get("STREETCASE_WORKER_NAME") or socket.gethostname(),
            archive_dir=Path(required(given, "STREETCASE_ARCHIVE_DIR")),
            sinks_file=optional_path(given, "STREETCASE_SINKS_FILE"),
            partitions=_number(given, "STREETCASE_STREAM_PARTITIONS", PARTITIONS, most=PARTITIONS_MAX),
            attempts=_number(given, "STREETCASE_ATTEMPTS", ATTEMPTS),
            stuck_after_s=_number(given, "STREETCASE_STUCK_AFTER_S", 30),
            lossy=_flag(given, "STREETCASE_LOSSY"),
            service_key=wait_for_key(Path(required(given, "STREETCASE_SERVICE_KEY_FILE")), timeout_s=key_wait_s),
        )


def wait_for_key(path: Path, *, timeout_s: float) -> str:
    """Returns the key in ``path``, which the API writes at its first start.

    Raises: SettingsError: If it is not there within ``timeout_s``, or may not be read.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            key = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            key = ""
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the service key file {path} cannot be read: {type(error).__name__}") from error
        if key:
            return key
        if time.monotonic() >= deadline:
            raise SettingsError(
                f"no service key in {path} after {timeout_s:.0f} s; the API writes it at its first start: "
                "is the API running, with the same STREETCASE_SERVICE_KEY_FILE?"
            )
        time.sleep(0.1)


def required(given: Mapping[str, str], name: str) -> str:
    """Returns a setting. Raises: SettingsError: If it is missing or empty."""
    value = given.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def optional_path(given: Mapping[str, str], name: str) -> Path | None:
    text = given.get(name, "").strip()
    return Path(text) if text else None


def stream_prefix(given: Mapping[str, str]) -> str:
    """Returns the prefix of all keys in Redis, which braces would spread over a cluster. Raises: SettingsError."""
    prefix = given.get("STREETCASE_STREAM_PREFIX", "").strip() or STREAM_PREFIX
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,100}", prefix):
        raise SettingsError(f"STREETCASE_STREAM_PREFIX needs letters, digits and ._:- (100 at most), got {prefix!r}")
    return prefix


def api_url(given: Mapping[str, str]) -> str:
    """Returns where the API is. Raises: SettingsError: If that is no address; nothing of it is shown."""
    url = required(given, "STREETCASE_API_URL")
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound:
        raise SettingsError("STREETCASE_API_URL needs an address like http://127.0.0.1:8000")
    return url


def _number(given: Mapping[str, str], name: str, default: int, *, most: int = NUMBER_MAX) -> int:
    text = given.get(name, "").strip() or str(default)
    if not re.fullmatch(r"[0-9]{1,15}", text) or not 1 <= int(text) <= most:
        raise SettingsError(f"{name} needs a whole number from 1 to {most:,}, got {text[:40]!r}")
    return int(text)


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "").strip().lower()
    if text in TRUE_WORDS | FALSE_WORDS:
        return text in TRUE_WORDS
    raise SettingsError(f"{name} needs 1 or 0, got {text!r}")
