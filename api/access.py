"""Lets a request through to its route only if its caller may do the route's action.

Every route declares its action with ``allowed("case.read")``; ``require_actions`` refuses an application
that has a route without one, so that nothing is open because somebody forgot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from api.asking import Asks
from api.database import NotQuick
from api.people.callers import ANONYMOUS, Caller, find_caller, identify, is_key, recognise
from api.problems import Problem
from api.rights import Rights, Role
from api.services import Services, services_of


class UnauthorisedRoute(Exception):
    """A route declares no action, two, or one that the table of rights does not know."""


class Allowed:
    """The dependency behind ``allowed``: returns who is asking, or ends the request with 401 or 403."""

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, request: Request) -> Caller:
        rights = services_of(request).rights
        if rights.may(Role.ANONYMOUS, self.action):
            return ANONYMOUS  # without a thread, so that /health/live answers when all are taken
        return await run_in_threadpool(self.ask, request)

    def ask(self, request: Request) -> Caller:
        """Returns who asks. Raises: Problem: 401 or 403."""
        return self._person_who_may(request) or self.admit(request, self.bearer(request))

    def _person_who_may(self, request: Request) -> Caller | None:
        """Asks the driver itself, as most who come are people in the midst of their work; None: ``admit`` says more."""
        if is_key(self.bearer(request)):
            return None
        try:
            with services_of(request).database.quick() as asks:
                return self.ask_quickly(request, asks)
        except NotQuick:
            return None

    def ask_quickly(self, request: Request, asks: Asks) -> Caller | None:
        """Returns who asks, where that is a person who may; None: ``ask`` has more to do, or to refuse."""
        services, bearer = services_of(request), self.bearer(request)
        if not bearer:
            return None
        caller = recognise(asks, bearer, now=services.clock(), idle=_idle(services))
        if caller is None or not caller.may(services.rights, self.action):
            return None
        request.state.actor = caller.actor
        return caller

    def ask_again(self, request: Request) -> Caller:
        """Returns who it is by now, for an answer that goes on: that is no use, nor theft of an exchanged token.

        Raises: Problem: 401 or 403.
        """
        services, bearer = services_of(request), self.bearer(request)
        with services.database.read() as session:
            caller = find_caller(session, bearer, now=services.clock(), idle=_idle(services))
        return self._let_in(services.rights, caller)

    def admit(self, request: Request, bearer: str) -> Caller:
        """Returns whom the token or key stands for. Raises: Problem: 401 or 403."""
        found = _caller(request, bearer)
        if found is not None:
            # Before they are let in: whoever is turned away is named in the log too.
            request.state.actor = found.actor
        return self._let_in(services_of(request).rights, found)

    def _let_in(self, rights: Rights, caller: Caller | None) -> Caller:
        if caller is None:
            raise _unknown("this token or key is unknown, expired or revoked")
        if not rights.may(caller.role, self.action):
            raise Problem(HTTPStatus.FORBIDDEN, f"role {caller.role} may not do {self.action}")
        if not caller.may(rights, self.action):
            raise Problem(HTTPStatus.FORBIDDEN, f"this key is limited to other actions than {self.action}")
        return caller

    def bearer(self, request: Request) -> str:
        """Returns the token or key of the Authorization header, empty where there is none."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        return bearer.strip() if scheme.lower() == "bearer" else ""


def allowed(action: str) -> Any:
    """Declares what a route does, by a word of rights.csv, as ``caller: Annotated[Caller, allowed("...")]``."""
    return Depends(Allowed(action))


def require_actions(routes: Iterable[object], rights: Rights) -> None:
    """Writes each route's action into its OpenAPI entry. Raises: UnauthorisedRoute."""
    for route, action in declared_actions(routes):
        if not rights.knows(action):
            raise UnauthorisedRoute(f"{route.path} declares the unknown action {action}")
        route.openapi_extra = {**(route.openapi_extra or {}), "x-action": action}


def declared_actions(routes: Iterable[object]) -> Iterator[tuple[APIRoute, str]]:
    """Yields every route with its action, also those of routers in routers. Raises: UnauthorisedRoute."""
    for route in routes:
        # Newer FastAPI keeps an included router whole, older copies its routes.
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from declared_actions(included.routes)
            continue
        if not isinstance(route, APIRoute):
            raise UnauthorisedRoute(f"{getattr(route, 'path', route)} cannot declare an action")
        actions = [part.call.action for part in route.dependant.dependencies if isinstance(part.call, Allowed)]
        if len(actions) != 1:
            raise UnauthorisedRoute(f"{route.path} declares {len(actions)} actions, expected 1")
        yield route, actions[0]


def _caller(request: Request, bearer: str) -> Caller | None:
    if not bearer:
        raise _unknown("expected a bearer token or key")
    services = services_of(request)
    return identify(
        services.database,
        bearer,
        now=services.clock(),
        idle=_idle(services),
        request_id=request.state.request_id,
    )


def _idle(services: Services) -> timedelta:
    return timedelta(minutes=services.settings.session_idle_minutes)


def _unknown(reason: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": "Bearer"})
