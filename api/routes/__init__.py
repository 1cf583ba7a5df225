"""The routes, one file per subject; each route declares its action from rights.csv."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import cases, catalogue, describe, edges, evidence, health, internal, people, sessions

ROUTERS: tuple[APIRouter, ...] = (
    sessions.router,
    people.router,
    edges.router,
    catalogue.router,
    cases.router,
    evidence.router,
    internal.router,
    health.router,
    describe.router,
)
