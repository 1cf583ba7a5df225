"""The API's operations on webhooks. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class Webhooks(Operations):
    """Webhooks."""

    def list_all(self) -> models.ShownWebhooks:
        """List All"""
        return self._read(self._ask("GET", "/api/v1/webhooks"), models.ShownWebhooks)

    def add(self, body: models.NewWebhook) -> models.AddedWebhook:
        """Adds a webhook, which hears of filed cases from now on; its secret is shown this once."""
        return self._read(self._ask("POST", "/api/v1/webhooks", body=body), models.AddedWebhook)

    def show(self, webhook_id: UUID) -> models.ShownWebhook:
        """Show"""
        return self._read(self._ask("GET", f"/api/v1/webhooks/{self._part(webhook_id)}"), models.ShownWebhook)

    def change(self, webhook_id: UUID, body: models.WebhookChange) -> models.ShownWebhook:
        """Changes, pauses or resumes a webhook."""
        return self._read(
            self._ask("PATCH", f"/api/v1/webhooks/{self._part(webhook_id)}", body=body), models.ShownWebhook
        )

    def remove(self, webhook_id: UUID) -> None:
        """Removes a webhook with all that waits for it."""
        self._ask("DELETE", f"/api/v1/webhooks/{self._part(webhook_id)}")

    def test(self, webhook_id: UUID) -> models.TestedWebhook:
        """Posts one message of type ``streetcase.webhook.test.v1`` at once, also where the webhook is paused."""
        return self._read(self._ask("POST", f"/api/v1/webhooks/{self._part(webhook_id)}/test"), models.TestedWebhook)

    def list_deliveries(
        self,
        webhook_id: UUID,
        *,
        state: models.DeliveryState | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> models.DeliveryPage:
        """Shows what was sent and what waits, newest first; kept for 30 days."""
        return self._read(
            self._ask(
                "GET",
                f"/api/v1/webhooks/{self._part(webhook_id)}/deliveries",
                query={"state": state, "before": before, "limit": limit},
            ),
            models.DeliveryPage,
        )

    def send_once_more(self, webhook_id: UUID, delivery_id: int) -> models.ShownDelivery:
        """Sends a message again under the same id, whatever became of it, with all its attempts."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/webhooks/{self._part(webhook_id)}/deliveries/{self._part(delivery_id)}/redeliver"
            ),
            models.ShownDelivery,
        )
