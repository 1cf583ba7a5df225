"""Takes a table as a CSV body after the caller was let through, and answers with every line that is wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from api.catalogue.csv_tables import Encoding, TableRefused
from api.catalogue.imports import Missing
from api.openapi import problems
from api.problems import Problem

MAX_CSV_BYTES = 2_000_000
_ERRORS_SHOWN = 1000
_TEXT = {"type": "string", "minLength": 1}

DESCRIBED: dict[str, Any] = {"requestBody": {"required": True, "content": {"text/csv": {"schema": _TEXT}}}}
"""For OpenAPI, which does not see a body that is read here."""

REFUSALS = problems({415: "The body is not announced as text/csv."})
SHOWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": _TEXT}}, "description": "A CSV file."}
}


async def _csv_body(request: Request) -> bytes:
    announced = request.headers.get("Content-Type", "text/csv").partition(";")[0].strip().lower()
    if announced != "text/csv":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected a body of text/csv, got another type")
    return await request.body()


CsvBody = Annotated[bytes, Depends(_csv_body)]
"""The body as it came. It has to come behind the caller, as dependencies are met in order."""


class ImportWishes(BaseModel):
    """encoding: UTF-8 with or without byte order mark, or GB18030. missing: what becomes of rows not in the file.

    dry_run: only tell what would change.
    """

    encoding: Encoding = "utf-8"
    missing: Missing = "keep"
    dry_run: bool = False


Wishes = Annotated[ImportWishes, Query()]


class ImportAnswer(BaseModel):
    """What an import changed, or would have. retired: no longer in use, but something still names them."""

    model_config = ConfigDict(from_attributes=True)

    rows: int
    added: int
    changed: int
    unchanged: int
    removed: int
    retired: int
    dry_run: bool


def refused(error: TableRefused) -> Problem:
    """The answer to a table that cannot be taken; ``errors`` names the lines, the first thousand of them."""
    errors = [
        {"line": each.line, "column": each.column, "expected": each.expected, "found": each.found}
        for each in error.errors[:_ERRORS_SHOWN]
    ]
    many = "1 error" if len(error.errors) == 1 else f"{len(error.errors)} errors"
    detail = f"{many}, nothing was taken; {error}"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, more={"errors": errors, "error_count": len(error.errors)})


def csv_file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv", headers=headers)
