"""The routes, one file per subject; each route declares its action from rights.csv."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    audit,
    bulletin,
    case_acts,
    case_additions,
    case_events,
    case_lists,
    cases,
    catalogue,
    describe,
    edge_configurations,
    edge_internal,
    edge_registration,
    edge_requests,
    edges,
    evidence,
    health,
    indicators,
    internal,
    people,
    person_reports,
    sessions,
    webhooks,
)

ROUTERS: tuple[APIRouter, ...] = (
    sessions.router,
    people.router,
    audit.router,
    edges.router,
    edge_registration.router,
    edge_configurations.router,
    edge_requests.router,
    catalogue.router,
    case_events.router,
    case_lists.router,
    cases.router,
    case_acts.router,
    case_additions.router,
    evidence.router,
    webhooks.router,
    person_reports.router,
    indicators.router,
    bulletin.router,
    internal.router,
    edge_internal.router,
    health.router,
    describe.router,
)
