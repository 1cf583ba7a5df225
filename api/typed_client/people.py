"""The API's operations on people. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class People(Operations):
    """People."""

    def list_page(
        self,
        *,
        role: models.Role | None = None,
        department: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> models.PersonPage:
        """Lists people by name, also those who are disabled."""
        return self._read(
            self._ask(
                "GET", "/api/v1/people", query={"role": role, "department": department, "after": after, "limit": limit}
            ),
            models.PersonPage,
        )

    def add(self, body: models.NewPerson) -> models.ShownPerson:
        """Add"""
        return self._read(self._ask("POST", "/api/v1/people", body=body), models.ShownPerson)

    def show(self, person_id: UUID) -> models.ShownPerson:
        """Show"""
        return self._read(self._ask("GET", f"/api/v1/people/{self._part(person_id)}"), models.ShownPerson)

    def change(self, person_id: UUID, body: models.PersonChanges) -> models.ShownPerson:
        """Changes role, department, grids, display name or language; it holds at once, also in open sessions."""
        return self._read(self._ask("PATCH", f"/api/v1/people/{self._part(person_id)}", body=body), models.ShownPerson)

    def disable(self, person_id: UUID) -> models.ShownPerson:
        """Keeps the person out, and ends the person's sessions at once."""
        return self._read(self._ask("POST", f"/api/v1/people/{self._part(person_id)}/disable"), models.ShownPerson)

    def enable(self, person_id: UUID) -> models.ShownPerson:
        """Lets the person log in again; failed logins are forgotten."""
        return self._read(self._ask("POST", f"/api/v1/people/{self._part(person_id)}/enable"), models.ShownPerson)

    def reset_password(self, person_id: UUID) -> models.ResetPassword:
        """Makes a new password, shown this once; ends the person's sessions and any lock."""
        return self._read(self._ask("POST", f"/api/v1/people/{self._part(person_id)}/password"), models.ResetPassword)

    def end_sessions(self, person_id: UUID) -> None:
        """Logs the person out everywhere, at once."""
        self._ask("DELETE", f"/api/v1/people/{self._part(person_id)}/sessions")
