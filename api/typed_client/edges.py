"""The API's operations on edges. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class Edges(Operations):
    """Edges."""

    def list_page(self, *, after: str | None = None, limit: int | None = None) -> models.EdgePage:
        """Lists edges by name, each with its last status and how old that is."""
        return self._read(self._ask("GET", "/api/v1/edges", query={"after": after, "limit": limit}), models.EdgePage)

    def enrol(self, body: models.NewEdge) -> models.EnrolledEdge:
        """Enrol"""
        return self._read(self._ask("POST", "/api/v1/edges", body=body), models.EnrolledEdge)

    def revoke(self, edge_id: str, key_id: UUID) -> None:
        """Revoke"""
        self._ask("DELETE", f"/api/v1/edges/{self._part(edge_id)}/keys/{self._part(key_id)}")

    def list_tokens(self) -> list[models.ShownToken]:
        """Lists tokens of the last weeks, the newest first, 1000 at most."""
        return self._read(self._ask("GET", "/api/v1/edges/tokens"), list[models.ShownToken])

    def make_token(self, body: models.WantedToken) -> models.MadeToken:
        """Makes a token for one box; an unused one of the same edge is void from then on."""
        return self._read(self._ask("POST", "/api/v1/edges/tokens", body=body), models.MadeToken)

    def exchange_token(self, body: models.EdgeTokenShown) -> models.RegisteredEdge:
        """Exchanges a one-time token for the edge's key. It needs no other credential, and works once."""
        return self._read(self._ask("POST", "/api/v1/edges/register", body=body), models.RegisteredEdge)

    def list_keys(self, edge_id: str) -> list[models.ShownEdgeKey]:
        """Lists the edge's keys, the newest first, those that were revoked too; 1000 at most."""
        return self._read(self._ask("GET", f"/api/v1/edges/{self._part(edge_id)}/keys"), list[models.ShownEdgeKey])

    def shut_out(self, edge_id: str) -> None:
        """Revokes all keys of the edge and voids its tokens. Its open edge-faults end as withdrawn: nobody ..."""
        self._ask("DELETE", f"/api/v1/edges/{self._part(edge_id)}/keys")

    def show_configuration(self, edge_id: str) -> models.ShownConfiguration:
        """Show"""
        return self._read(
            self._ask("GET", f"/api/v1/edges/{self._part(edge_id)}/configuration"), models.ShownConfiguration
        )

    def replace(self, edge_id: str, body: dict[str, Any], *, if_match: str | None = None) -> models.ShownConfiguration:
        """Sets all watches that the centre has for this edge, as ``{"watches": [...]}``. The edge checks them ..."""
        return self._read(
            self._ask(
                "PUT", f"/api/v1/edges/{self._part(edge_id)}/configuration", headers={"if-match": if_match}, body=body
            ),
            models.ShownConfiguration,
        )

    def ask(self, edge_id: str, body: models.NewEdgeRequest) -> models.ShownEdgeRequest:
        """Asks the edge, which answers within seconds where it is on-line; 409 where too much is open already."""
        return self._read(
            self._ask("POST", f"/api/v1/edges/{self._part(edge_id)}/requests", body=body), models.ShownEdgeRequest
        )

    def show_requests(self, edge_id: str, request_id: UUID) -> models.ShownEdgeRequest:
        """Show"""
        return self._read(
            self._ask("GET", f"/api/v1/edges/{self._part(edge_id)}/requests/{self._part(request_id)}"),
            models.ShownEdgeRequest,
        )

    def show_evidence(self, edge_id: str, request_id: UUID, sha256: str) -> bytes:
        """Sends a picture that the edge took for this request; 404 until its bytes have come."""
        return self._ask(
            "GET",
            f"/api/v1/edges/{self._part(edge_id)}/requests/{self._part(request_id)}/evidence/{self._part(sha256)}",
        ).content
