"""The API's operations on keys. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class Keys(Operations):
    """Keys."""

    def list_page(self, *, after: UUID | None = None, limit: int | None = None) -> models.KeyPage:
        """Lists integrators' keys, the newest first, also those that expired or were revoked."""
        return self._read(self._ask("GET", "/api/v1/keys", query={"after": after, "limit": limit}), models.KeyPage)

    def make(self, body: models.NewIntegratorKey) -> models.MadeKey:
        """Makes a key for another system. ``scopes`` limit it to some of what an integrator may do."""
        return self._read(self._ask("POST", "/api/v1/keys", body=body), models.MadeKey)

    def revoke(self, key_id: UUID) -> None:
        """Takes the key back, at once and for good."""
        self._ask("DELETE", f"/api/v1/keys/{self._part(key_id)}")
