"""Answers the requests that come most often by a shorter way: one thread, one connection, no declared parameters.

The usual way stays: it answers whatever the short one leaves, such as every request that is to be refused, every key of
a machine, and all while the database fails. So both need not know of all that can go wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from api.access import Allowed
from api.asking import AsksByDriver
from api.database import NotQuick
from api.people.callers import Caller
from api.services import services_of

Quick = Callable[[Request, AsksByDriver, Caller], Response | None]
"""Answers a caller who may do the route's action; None leaves it to the usual way. Its errors are the answer too."""

_Model = TypeVar("_Model", bound=BaseModel)


def quick_routes(ways: Mapping[str, Quick]) -> type[APIRoute]:
    """Returns the class of a router's routes; ``ways``: by the names of their functions."""

    class QuickRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            usual, quick = super().get_route_handler(), ways.get(self.name)
            if quick is None:
                return usual
            [allowed] = [part.call for part in self.dependant.dependencies if isinstance(part.call, Allowed)]

            async def handle(request: Request) -> Response:
                answer = await run_in_threadpool(_answer, quick, allowed, request)
                return answer if answer is not None else await usual(request)

            return handle

    return QuickRoute


def asked_by(given: QueryParams, model: type[_Model]) -> _Model | None:
    """Reads a query as FastAPI does; None where anything in it is not as declared, which the usual way explains."""
    asked: dict[str, Any] = {}
    for name in given.keys() & model.model_fields.keys():
        is_list = isinstance(model.model_fields[name].default, list)
        asked[name] = given.getlist(name) if is_list else given[name]
    try:
        return model.model_validate(asked)
    except ValidationError:
        return None


def _answer(quick: Quick, allowed: Allowed, request: Request) -> Response | None:
    try:
        with services_of(request).database.quick() as asks:
            caller = allowed.ask_quickly(request, asks)
            return None if caller is None else quick(request, asks, caller)
    except NotQuick:
        return None
