"""The hand-written route: Starlette, a driver and json; the same key check and SQL as the API has, no ORM.

Usage: python -m bench.api.floor PORT PLAN. PLAN holds the statements that the API sent.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sqlite3
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class Statement:
    """As it reached the driver."""

    text: str
    parameters: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """conninfo, file: of the database, one of them. key: the key check, whose parameter is the key's sha256.

    listing: the statements of a list. reading: those of each of some cases, by their ids.
    """

    conninfo: str | None
    file: str | None
    key: Statement
    listing: Sequence[Statement]
    reading: Mapping[str, Sequence[Statement]]


class Floor:
    """Each thread of the server keeps a connection of its own, so that nothing is waited for."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._own = threading.local()

    def show_list(self, request: Request) -> Response:
        if not self._is_known(request):
            return Response(status_code=401)
        cases, kinds = (self._rows(statement) for statement in self._plan.listing)
        by_key = {kind["key"]: kind for kind in kinds}
        for case in cases:
            case["kind"] = by_key[case["kind_key"]]
        return self._json({"items": cases[:-1], "next": cases[-1]["id"]})

    def show_case(self, request: Request) -> Response:
        if not self._is_known(request):
            return Response(status_code=401)
        found = [self._rows(statement) for statement in self._plan.reading[request.path_params["case_id"]]]
        return self._json({"case": found[0][0], "parts": found[1:]})

    def _is_known(self, request: Request) -> bool:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        statement = self._plan.key
        return bool(self._rows(statement, hashlib.sha256(key.encode()).hexdigest()))

    def _rows(self, statement: Statement, key_hash: str | None = None) -> list[dict[str, Any]]:
        parameters = statement.parameters
        if key_hash is not None:
            parameters = _with_key(parameters, key_hash)
        cursor = self._connection().execute(statement.text, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _connection(self) -> Any:
        known = getattr(self._own, "connection", None)
        if known is None:
            plan = self._plan
            if plan.conninfo is not None:
                known = psycopg.connect(plan.conninfo, autocommit=True, options="-c timezone=UTC")
            else:
                known = sqlite3.connect(str(plan.file), isolation_level=None)
            self._own.connection = known
        return known

    @staticmethod
    def _json(document: object) -> Response:
        return Response(json.dumps(document, default=_plain), media_type="application/json")


def _with_key(parameters: Any, key_hash: str) -> Any:
    def put(value: Any) -> Any:
        return key_hash if isinstance(value, str) and len(value) == len(key_hash) else value

    if isinstance(parameters, Mapping):
        return {name: put(value) for name, value in parameters.items()}
    return tuple(put(value) for value in parameters)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def main() -> None:
    port, plan = int(sys.argv[1]), Path(sys.argv[2])
    floor = Floor(pickle.loads(plan.read_bytes()))  # noqa: S301 (our own file)
    routes = [Route("/api/v1/cases", floor.show_list), Route("/api/v1/cases/{case_id}", floor.show_case)]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
