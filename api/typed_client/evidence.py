"""The API's operations on evidence. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from uuid import UUID

from api.typed_client.connection import Operations


class Evidence(Operations):
    """Evidence."""

    def show(self, case_id: UUID, sha256: str) -> bytes:
        """Sends the bytes; 404 while they have not come, with the reason in words. A picture that keeps a ..."""
        return self._ask("GET", f"/api/v1/cases/{self._part(case_id)}/evidence/{self._part(sha256)}").content
