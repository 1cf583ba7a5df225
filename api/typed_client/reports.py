"""The API's operations on reports. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from api.typed_client import models
from api.typed_client.connection import Operations


class Reports(Operations):
    """Reports."""

    def report(self, body: models.PersonReport) -> models.ReportAnswer:
        """Records what a person saw, once however often it is sent; it joins the case of the same thing or ..."""
        return self._read(self._ask("POST", "/api/v1/reports", body=body), models.ReportAnswer)
