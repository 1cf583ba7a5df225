"""The API's operations on sessions. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class Sessions(Operations):
    """Sessions."""

    def come_back(self, *, state: str, code: str | None = None) -> models.OpenedSession:
        """Answers a session, as a login with a password does, once the provider vouches for who comes back."""
        return self._read(
            self._ask("GET", "/api/v1/sessions/oidc/callback", query={"state": state, "code": code}),
            models.OpenedSession,
        )

    def list_own(self) -> models.SessionList:
        """Lists the logins of whoever asks that are still in force, the newest first; a key has none."""
        return self._read(self._ask("GET", "/api/v1/sessions"), models.SessionList)

    def open_session(self, body: models.Login) -> models.OpenedSession:
        """Open Session"""
        return self._read(self._ask("POST", "/api/v1/sessions", body=body), models.OpenedSession)

    def exchange_token(self) -> models.OpenedSession:
        """Gives a new token for the one that asks, which works for ten seconds more. Whoever uses it later ..."""
        return self._read(self._ask("POST", "/api/v1/sessions/rotate"), models.OpenedSession)

    def end_current(self) -> None:
        """End Current"""
        self._ask("DELETE", "/api/v1/sessions/current")

    def end_own(self, login_id: UUID) -> None:
        """Ends one of the logins of whoever asks, at once."""
        self._ask("DELETE", f"/api/v1/sessions/logins/{self._part(login_id)}")

    def show(self) -> models.Me:
        """Show"""
        return self._read(self._ask("GET", "/api/v1/me"), models.Me)

    def change(self, body: models.MyChanges) -> models.Me:
        """Changes the own display name and language."""
        return self._read(self._ask("PATCH", "/api/v1/me", body=body), models.Me)

    def change_password(self, body: models.PasswordChange) -> None:
        """Sets a new password, and ends all other sessions of whoever asks. Failures count as those of a ..."""
        self._ask("PUT", "/api/v1/me/password", body=body)
