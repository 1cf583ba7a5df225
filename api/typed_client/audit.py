"""The API's operations on audit. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from api.typed_client import models
from api.typed_client.connection import Operations


class Audit(Operations):
    """Audit."""

    def list_rows(
        self,
        *,
        actor: str | None = None,
        subject: str | None = None,
        action: str | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> models.AuditPage:
        """Lists acts, newest first; ``actor`` as ``person:li``, ``subject`` as ``case:UUID``, ``action`` a ..."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/audit",
                query={"actor": actor, "subject": subject, "action": action, "before": before, "limit": limit},
            ),
            models.AuditPage,
        )

    def verify_part(self, *, after: int | None = None, limit: int | None = None) -> models.ShownVerdict:
        """Verifies a part of the chain; ``streetcase audit verify`` does all of it, with the exported heads."""
        return self._read(
            self._ask("GET", "/api/v1/audit/verify", query={"after": after, "limit": limit}), models.ShownVerdict
        )
