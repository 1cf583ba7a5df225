"""Logging in by an identity provider, where one is configured."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Cookie, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.access import allowed
from api.openapi import problems
from api.people.addresses import address_of
from api.people.oidc_errand import Errand
from api.people.oidc_errors import OidcRefused
from api.people.oidc_people import log_in_by_provider
from api.people.schemas import OpenedSession
from api.people.sessions import Lasting, NewSession
from api.problems import Problem
from api.routes.sessions import opened
from api.services import Here, RequestId, Services

if TYPE_CHECKING:
    from api.people.oidc import OpenIdConnect

router = APIRouter(prefix="/api/v1/sessions/oidc", tags=["sessions"])
_OPEN = "session.open"
_COOKIE = "streetcase_oidc"
_COOKIE_LASTS_S = 600
_ANSWERS = problems(
    {
        400: "The login was begun elsewhere, or the provider said no; begin again.",
        403: "Nobody here is whom the provider names, or that person is disabled.",
        404: "No identity provider is configured.",
        502: "The identity provider does not answer as it should.",
    }
)
_STARTED: dict[int | str, dict[str, Any]] = {
    307: {"description": "The way to the identity provider.", "headers": {"Location": {"schema": {"type": "string"}}}},
    **{status: answer for status, answer in _ANSWERS.items() if status in (404, 502)},
}


@router.get(
    "/start",
    status_code=307,
    dependencies=[allowed(_OPEN)],
    responses=_STARTED,
    response_class=RedirectResponse,
)
async def start(here: Here) -> RedirectResponse:
    """Sends the browser to the provider; a cookie of ten minutes ties the answer to this browser."""
    provider = _provider(here)
    errand = Errand.new()
    address = await to_thread.run_sync(provider.address, errand, limiter=provider.turns)
    response = RedirectResponse(address, status_code=307, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        _COOKIE,
        errand.cookie,
        max_age=_COOKIE_LASTS_S,
        path=router.prefix,
        httponly=True,
        secure=provider.settings.redirect_url.startswith("https://"),
        # Lax: it has to come along when the provider sends the browser back.
        samesite="lax",
    )
    return response


@router.get("/callback", dependencies=[allowed(_OPEN)], responses=_ANSWERS)
async def come_back(
    *,
    here: Here,
    request: Request,
    response: Response,
    request_id: RequestId,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str | None, Query(max_length=4000)] = None,
    streetcase_oidc: Annotated[str, Cookie(max_length=400, include_in_schema=False)] = "",
) -> OpenedSession:
    """Answers a session, as a login with a password does, once the provider vouches for who comes back."""
    provider = _provider(here)
    errand = Errand.of_cookie(streetcase_oidc, state=state)
    if not code:
        raise OidcRefused("the provider did not let you in")
    work = partial(_log_in, here, provider, code, errand, address=address_of(request), request_id=request_id)
    session = await to_thread.run_sync(work, limiter=provider.turns)
    response.delete_cookie(_COOKIE, path=router.prefix)
    response.headers["Cache-Control"] = "no-store"
    return opened(session)


def _log_in(
    here: Services, provider: OpenIdConnect, code: str, errand: Errand, *, address: str, request_id: str
) -> NewSession:
    now = here.clock()
    claims = provider.claims(code, errand, now=now)
    with here.database.write() as session:
        return log_in_by_provider(
            session,
            provider.settings,
            claims,
            now=now,
            lasting=Lasting.of(here.settings),
            address=address,
            request_id=request_id,
        )


def _provider(here: Services) -> OpenIdConnect:
    if here.oidc is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no identity provider is configured here")
    return here.oidc
