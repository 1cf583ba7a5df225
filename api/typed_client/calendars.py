"""The API's operations on calendars. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from api.typed_client import models
from api.typed_client.connection import Operations


class Calendars(Operations):
    """Calendars."""

    def list_calendars(self) -> list[models.ShownCalendar]:
        """List Calendars"""
        return self._read(self._ask("GET", "/api/v1/calendars"), list[models.ShownCalendar])

    def show(self, key: str) -> models.CalendarWithDays:
        """Show"""
        return self._read(self._ask("GET", f"/api/v1/calendars/{self._part(key)}"), models.CalendarWithDays)

    def replace(self, key: str, body: models.WantedCalendar) -> models.ShownCalendar:
        """Makes or changes a calendar; its special days stay. Dues that are fixed already stay too."""
        return self._read(self._ask("PUT", f"/api/v1/calendars/{self._part(key)}", body=body), models.ShownCalendar)
