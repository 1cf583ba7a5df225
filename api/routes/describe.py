"""The API's own description: OpenAPI, and a page of it that needs neither scripts nor the internet."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.access import allowed

router = APIRouter(tags=["description"])

_STYLE = "body{font:15px sans-serif;margin:2em}td,th{text-align:left;padding:.3em 1em .3em 0;vertical-align:top}"


@router.get("/openapi.json", dependencies=[allowed("api.describe")], include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described


@router.get("/docs", dependencies=[allowed("api.describe")], include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    described = request.app.openapi()
    rows = "".join(
        f"<tr><td>{escape(method.upper())}<td><code>{escape(path)}</code><td>{escape(operation.get('x-action', ''))}"
        f"<td>{escape(operation.get('description', operation.get('summary', '')))}"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    )
    title = escape(described["info"]["title"])
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>The whole description is in <a href=openapi.json>openapi.json</a>.</p>"
        f"<table><tr><th>Method<th>Path<th>Action<th>What it does{rows}</table></html>"
    )
