"""Conditions that find the rows of many keys at once, each key of several words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, bindparam, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session


def among(
    session: Session, columns: Sequence[InstrumentedAttribute[Any]], keys: Collection[tuple[str, ...]]
) -> ColumnElement[bool]:
    """Whether the columns, which hold texts, are one of ``keys``, of which there is at least one.

    PostgreSQL plans a list of rows as that many alternatives, which takes longer than to find them; in arrays it looks
    each up in an index.
    """
    ordered = sorted(keys)
    if session.get_bind().dialect.name != "postgresql":
        return tuple_(*columns).in_(ordered)
    arrays = [bindparam(None, list(part), type_=ARRAY(String)) for part in zip(*ordered, strict=True)]
    names = [f"word_{number}" for number in range(len(arrays))]
    words = func.unnest(*arrays).table_valued(*names).render_derived()
    return tuple_(*columns).in_(select(*(words.c[name] for name in names)))
