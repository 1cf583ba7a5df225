"""What the routes work with, built once per application and handed to each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from api.clock import Clock
from api.database import Database
from api.evidence_store import EvidenceStore
from api.indicators.scoring import Scoring
from api.interchange.feed import Feed
from api.interchange.sending import WebhookSender
from api.metrics import Metrics
from api.people.passwords import Passwords
from api.rights import Rights
from api.settings import ApiSettings

if TYPE_CHECKING:
    from api.people.oidc import OpenIdConnect  # its libraries are optional


@dataclass(frozen=True, slots=True)
class Services:
    settings: ApiSettings
    database: Database
    evidence: EvidenceStore
    passwords: Passwords
    rights: Rights
    clock: Clock
    feed: Feed
    scoring: Scoring
    webhooks: WebhookSender
    metrics: Metrics
    oidc: OpenIdConnect | None


def services_of(request: Request) -> Services:
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError(f"expected the application's services, got {type(services).__name__}")
    return services


async def _here(request: Request) -> Services:
    return services_of(request)


async def _request_id(request: Request) -> str:
    return str(request.state.request_id)


Here = Annotated[Services, Depends(_here)]
RequestId = Annotated[str, Depends(_request_id)]
