"""Settings of the commands that people run beside gateway and worker, read from the same environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.settings import STREAM_PREFIX, api_url, optional_path, required, stream_prefix, wait_for_key

KEY_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Where the stream is, and the archive for what is dropped; ``redis_url`` is a secret."""

    redis_url: str = field(repr=False)
    stream_prefix: str = STREAM_PREFIX
    archive_dir: Path | None = None

    @classmethod
    def from_environment(cls, given: Mapping[str, str]) -> StreamSettings:
        """Reads STREETCASE_*. Raises: SettingsError."""
        return cls(
            redis_url=required(given, "STREETCASE_REDIS_URL"),
            stream_prefix=stream_prefix(given),
            archive_dir=optional_path(given, "STREETCASE_ARCHIVE_DIR"),
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
            archive_dir=archive_dir or Path(required(given, "STREETCASE_ARCHIVE_DIR")),
            api_url=api_url(given),
            service_key=wait_for_key(Path(required(given, "STREETCASE_SERVICE_KEY_FILE")), timeout_s=KEY_WAIT_S),
        )
