"""Conditions that find the rows of many keys at once, by texts that stay the same however many keys there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, TableValuedAlias, any_, bindparam, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session


def among(
    session: Session, columns: Sequence[InstrumentedAttribute[Any]], keys: Collection[tuple[str, ...]]
) -> ColumnElement[bool]:
    """Whether the columns, which hold texts, are one of ``keys``, of which there is at least one.

    PostgreSQL plans a list of rows as that many alternatives, which takes longer than to find them; in arrays it looks
    each up in an index.
    """
    if session.get_bind().dialect.name != "postgresql":
        return tuple_(*columns).in_(sorted(keys))
    words = in_arrays(sorted(keys))
    return tuple_(*columns).in_(select(*words.c))


def one_of(session: Session, column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column is one of many ``values``: an array is one parameter, so that no text has to be made anew."""
    if session.get_bind().dialect.name != "postgresql":
        return column.in_(values)
    return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))


def in_arrays(keys: Sequence[tuple[str, ...]]) -> TableValuedAlias:
    """A table of these keys for PostgreSQL, in their order, an array for each column."""
    arrays = [bindparam(None, list(part), type_=ARRAY(String)) for part in zip(*keys, strict=True)]
    names = [f"word_{number}" for number in range(len(arrays))]
    return func.unnest(*arrays).table_valued(*names).render_derived()
