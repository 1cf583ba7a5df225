"""The API's own description: OpenAPI, and Swagger UI from a wheel, so that an intranet without internet sees it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import allowed
from api.openapi import describe
from api.services import Here

router = APIRouter(tags=["description"])

Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]
_ACTION = allowed("api.describe")
_MEDIA_TYPES: dict[Asset, str] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}


@router.get("/", dependencies=[_ACTION], include_in_schema=False)
def home() -> RedirectResponse:
    return RedirectResponse("/docs")


@router.get("/openapi.json", dependencies=[_ACTION], include_in_schema=False)
def openapi(request: Request, here: Here) -> dict[str, Any]:
    return describe(request.app, here.rights)


@router.get("/docs", dependencies=[_ACTION], include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=request.app.title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
        swagger_ui_parameters={"showExtensions": True},  # each route's action
    )


@router.get("/docs/{asset}", dependencies=[_ACTION], include_in_schema=False)
def docs_asset(asset: Asset) -> Response:
    content = (files("fastapi_offline") / "static" / asset).read_bytes()
    return Response(content, media_type=_MEDIA_TYPES[asset], headers={"Cache-Control": "public, max-age=86400"})
