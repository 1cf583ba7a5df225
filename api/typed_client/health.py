"""The API's operations on health. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from api.typed_client.connection import Operations


class Health(Operations):
    """Health."""

    def live(self) -> dict[str, str]:
        """Needs no thread, so that a busy process is not taken for a dead one."""
        return self._read(self._ask("GET", "/health/live"), dict[str, str])

    def ready(self) -> dict[str, str]:
        """Reads the database, writes to the evidence folder, and looks at the thread of the chores; 503 where ..."""
        return self._read(self._ask("GET", "/health/ready"), dict[str, str])

    def metrics(self) -> bytes:
        """Shows this process's requests and chores, and what the database knows, in Prometheus' text format."""
        return self._ask("GET", "/metrics").content
