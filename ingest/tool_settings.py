"""Settings of the commands that people run beside gateway and worker, read from the same environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.settings import SettingsError, wait_for_key

KEY_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Where the stream is; ``redis_url`` is a secret. ``sinks_file`` is None where nobody else hears of events."""

    redis_url: str = field(repr=False)
    stream_prefix: str = "streetcase"
    archive_dir: Path | None = None
    sinks_file: Path | None = None

    @classmethod
    def from_environment(cls, given: Mapping[str, str]) -> StreamSettings:
        """Reads STREETCASE_*. Raises: SettingsError."""
        return cls(
            redis_url=_required(given, "STREETCASE_REDIS_URL"),
            stream_prefix=given.get("STREETCASE_STREAM_PREFIX", "streetcase"),
            archive_dir=_path(given, "STREETCASE_ARCHIVE_DIR"),
            sinks_file=_path(given, "STREETCASE_SINKS_FILE"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """Where the archive and the API are; ``service_key`` is a secret."""

    api_url: str
    service_key: str = field(repr=False)
    archive_dir: Path

    @classmethod
    def from_environment(cls, given: Mapping[str, str], *, archive_dir: Path | None = None) -> ReplaySettings:
        """Reads STREETCASE_*; ``archive_dir`` goes before the environment's. Raises: SettingsError."""
        return cls(
            archive_dir=archive_dir or Path(_required(given, "STREETCASE_ARCHIVE_DIR")),
            api_url=_required(given, "STREETCASE_API_URL"),
            service_key=wait_for_key(Path(_required(given, "STREETCASE_SERVICE_KEY_FILE")), timeout_s=KEY_WAIT_S),
        )


def _required(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _path(given: Mapping[str, str], name: str) -> Path | None:
    return Path(given[name]) if given.get(name, "").strip() else None
