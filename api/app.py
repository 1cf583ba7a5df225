"""Builds the API: its services, its routes, its errors. A place is made ready by ``api.first_start`` before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import FastAPI

from api.access import require_actions
from api.access_log import AccessLog
from api.chores.all import CHORES
from api.chores.runner import ChoreRunner
from api.clock import Clock, utc_now
from api.database import Database
from api.evidence_store import open_evidence_store
from api.indicators.scoring import Scoring
from api.interchange.feed import Feed
from api.interchange.sending import WebhookSender
from api.methods import Methods
from api.metrics import Metrics
from api.middleware import BodyLimits, RequestIds
from api.people.passwords import Passwords
from api.problems import answer_problems
from api.rights import Rights
from api.routes import ROUTERS
from api.routes.case_additions import MAX_PICTURE_BODY_BYTES, PICTURES_PATH
from api.routes.catalogue_files import CATALOGUE_FILE_PATH, DAYS_FILE_PATH
from api.routes.csv_body import MAX_CSV_BYTES
from api.routes.edge_configurations import CONFIGURATION_PATH, MAX_CONFIGURATION_BODY_BYTES
from api.routes.edge_internal import MAX_RESULT_BODY_BYTES, MAX_STATUSES_BODY_BYTES, RESULT_PATH, STATUSES_PATH
from api.routes.internal import REPORTS_PATH
from api.routes.places_areas import GRIDS_PATH, MAX_AREAS_BODY_BYTES, ROADS_PATH
from api.routes.places_assets import ASSETS_PATH, MAX_ASSETS_BODY_BYTES
from api.services import Services
from api.settings import ApiSettings

if TYPE_CHECKING:
    from api.people.oidc import OpenIdConnect

MAX_BODY_BYTES = 65_536
LARGER_BODIES = {
    REPORTS_PATH: 16_000_000,
    PICTURES_PATH: MAX_PICTURE_BODY_BYTES,
    CONFIGURATION_PATH: MAX_CONFIGURATION_BODY_BYTES,
    STATUSES_PATH: MAX_STATUSES_BODY_BYTES,
    RESULT_PATH: MAX_RESULT_BODY_BYTES,
    GRIDS_PATH: MAX_AREAS_BODY_BYTES,
    ROADS_PATH: MAX_AREAS_BODY_BYTES,
    CATALOGUE_FILE_PATH: MAX_CSV_BYTES,
    DAYS_FILE_PATH: MAX_CSV_BYTES,
    ASSETS_PATH: MAX_ASSETS_BODY_BYTES,
}


def create_app(settings: ApiSettings, *, clock: Clock = utc_now) -> FastAPI:
    """Raises: UnauthorisedRoute: If a route declares no action. RightsError: If the table of rights is broken.
    EvidenceMisconfigured: If the evidence store's settings cannot be used. ScoringError: If the table of the score is.
    """
    database = Database(settings.database_url, processes=settings.processes)
    services = Services(
        settings=settings,
        database=database,
        evidence=open_evidence_store(settings.evidence),
        passwords=Passwords(),
        rights=Rights.load(),
        clock=clock,
        feed=Feed(database),
        scoring=Scoring.load(settings.scoring_file),
        webhooks=WebhookSender(database, clock, source=f"/streetcase/{settings.district}"),
        metrics=Metrics(database),
        oidc=_identity_provider(settings),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        chores = ChoreRunner(services, CHORES)
        app.state.chores = chores
        chores.start()
        yield
        await to_thread.run_sync(chores.stop)
        if services.oidc is not None:
            services.oidc.close()
        await to_thread.run_sync(services.webhooks.close)
        services.database.close()

    # FastAPI's own pages load their scripts from the internet, and declare no action.
    app = FastAPI(
        title="Streetcase API",
        version=version("streetcase"),
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirect would be an answer that no operation describes.
        redirect_slashes=False,
    )
    app.state.services = services
    for router in ROUTERS:
        app.include_router(router)
    require_actions(app.routes, services.rights)
    app.state.methods = Methods(app.routes)
    answer_problems(app)
    app.add_middleware(BodyLimits, default_bytes=MAX_BODY_BYTES, by_path=LARGER_BODIES)
    app.add_middleware(AccessLog, metrics=services.metrics)
    app.add_middleware(RequestIds)
    return app


def _identity_provider(settings: ApiSettings) -> OpenIdConnect | None:
    if settings.oidc is None:
        return None
    from api.people.oidc import OpenIdConnect  # noqa: PLC0415 (its libraries are optional)

    return OpenIdConnect(settings.oidc)
