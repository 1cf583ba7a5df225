"""The API and special gateways, as uvicorn starts them in tests."""

from __future__ import annotations

import os
from dataclasses import replace

from fastapi import FastAPI, Request

from api.app import create_app
from api.settings import ApiSettings
from ingest.gateway import create_gateway, gateway_from_environment
from ingest.settings import GatewaySettings

SOON_STALE_S = 0.3


def api() -> FastAPI:
    return create_app(ApiSettings.from_environment(os.environ))


def soon_stale_gateway() -> FastAPI:
    """A gateway that asks the API again almost at once."""
    return create_gateway(replace(GatewaySettings.from_environment(), api_fresh_s=SOON_STALE_S))


def faulty_gateway() -> FastAPI:
    """A gateway with a route that fails with all that it was given in hand, and in its message."""
    gateway = gateway_from_environment()

    async def fail(request: Request) -> None:
        body, headers = await request.body(), dict(request.headers)
        raise RuntimeError(f"{body!r} {headers}")

    gateway.add_api_route("/fault", fail, methods=["POST"])
    return gateway
