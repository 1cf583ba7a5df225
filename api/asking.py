"""Asks questions that are built once: SELECTs sent by a session, or by the driver alone, at a third of the cost.

By the driver a question is compiled once for each database; what SQLAlchemy does around each execution, and with each
row, is left out. An answer is the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.orm import Session

Parameters = Mapping[str, Any]
Process = Callable[[Any], Any]


class Question:
    """A SELECT with named parameters, none of which is a list."""

    def __init__(self, select: Select[*tuple[Any, ...]]) -> None:
        self.select = select
        self._compiled: dict[str, _Compiled] = {}

    def compiled(self, dialect: Dialect) -> _Compiled:
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = _Compiled(self.select, dialect)
        return known


class Asks(Protocol):
    """Answers a question with its rows by the names of their columns."""

    def __call__(self, question: Question, parameters: Parameters) -> list[dict[str, Any]]: ...


class AsksBySession:
    """In the session's transaction, with its errors."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, question: Question, parameters: Parameters) -> list[dict[str, Any]]:
        rows = self._session.connection().execute(question.select, parameters)
        return [dict(row) for row in rows.mappings()]


class AsksByDriver:
    """On one connection, by its driver, whose errors it raises."""

    def __init__(self, connection: Connection) -> None:
        self._sqlalchemys = connection
        self._dialect = connection.dialect
        self._driver = cast(Any, connection.connection.driver_connection)

    def session(self) -> Session:
        """Returns one on the same connection, for what is put together anew each time it is asked."""
        return Session(self._sqlalchemys, expire_on_commit=False, autoflush=False)

    def __call__(self, question: Question, parameters: Parameters) -> list[dict[str, Any]]:
        compiled = question.compiled(self._dialect)
        cursor = self._driver.cursor()
        try:
            cursor.execute(compiled.text, compiled.bound(parameters))
            names = compiled.names
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            processes = compiled.processes(cursor)
        finally:
            cursor.close()
        for name, process in processes:
            for row in rows:
                row[name] = process(row[name])
        return rows


class _Compiled:
    """A question as the driver of one database understands it."""

    def __init__(self, select: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled = select.compile(dialect=dialect)
        if "POSTCOMPILE" in str(compiled):
            raise TypeError(f"a question compares with single values, never with a list of them: {select}")
        known = compiled.params
        self.text = str(compiled)
        self.names = tuple(str(column.key) for column in select.selected_columns)
        self._dialect = dialect
        self._types = [column.type.dialect_impl(dialect) for column in select.selected_columns]
        self._fixed = {name: value for name, value in known.items() if value is not None}
        kinds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items() if name in known}
        binds = {name: kind.bind_processor(dialect) for name, kind in kinds.items()}
        self._binds = {name: process for name, process in binds.items() if process is not None}
        # Of drivers that know parameters by their place alone.
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        self._processes: list[tuple[str, Process]] | None = None

    def bound(self, parameters: Parameters) -> Any:
        given: dict[str, Any] = {**self._fixed, **parameters}
        for name, process in self._binds.items():
            given[name] = process(given[name])
        return given if self._order is None else tuple(given[name] for name in self._order)

    def processes(self, cursor: Any) -> list[tuple[str, Process]]:
        """Returns what is to be done to the values of some columns; which the database's own types decide too."""
        if self._processes is None:
            described = zip(self.names, self._types, cursor.description, strict=True)
            made = [(name, kind.result_processor(self._dialect, column[1])) for name, kind, column in described]
            self._processes = [(name, process) for name, process in made if process is not None]
        return self._processes
