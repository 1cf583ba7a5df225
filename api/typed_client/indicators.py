"""The API's operations on indicators. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from datetime import date
from typing import Literal

from api.typed_client import models
from api.typed_client.connection import Operations


class Indicators(Operations):
    """Indicators."""

    def figures(
        self,
        *,
        by: models.GroupBy | None = None,
        limit: int | None = None,
        period: models.PeriodKind | None = None,
        on: date | None = None,
        from_: date | None = None,
        to: date | None = None,
        department: str | None = None,
        grid: str | None = None,
        district: str | None = None,
        kind: str | None = None,
        edge: str | None = None,
    ) -> models.Indicators:
        """Counts, rates and score of a period, in all and by group; docs/indicators.md says what each of them ..."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/indicators",
                query={
                    "by": by,
                    "limit": limit,
                    "period": period,
                    "on": on,
                    "from": from_,
                    "to": to,
                    "department": department,
                    "grid": grid,
                    "district": district,
                    "kind": kind,
                    "edge": edge,
                },
            ),
            models.Indicators,
        )

    def league_table(
        self,
        *,
        period: models.PeriodKind | None = None,
        on: date | None = None,
        by: Literal["department", "grid"] | None = None,
        limit: int | None = None,
    ) -> models.League:
        """Departments or grids by score, best first, beside the period before; who has no score comes last."""
        return self._read(
            self._ask("GET", "/api/v1/indicators/league", query={"period": period, "on": on, "by": by, "limit": limit}),
            models.League,
        )

    def series(
        self,
        *,
        period: models.PeriodKind | None = None,
        on: date | None = None,
        periods: int | None = None,
        department: str | None = None,
        grid: str | None = None,
        district: str | None = None,
        kind: str | None = None,
        edge: str | None = None,
    ) -> models.Series:
        """The figures of periods that follow each other, oldest first, for charts."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/indicators/series",
                query={
                    "period": period,
                    "on": on,
                    "periods": periods,
                    "department": department,
                    "grid": grid,
                    "district": district,
                    "kind": kind,
                    "edge": edge,
                },
            ),
            models.Series,
        )

    def precision(
        self,
        *,
        by: models.GroupBy | None = None,
        limit: int | None = None,
        period: models.PeriodKind | None = None,
        on: date | None = None,
        from_: date | None = None,
        to: date | None = None,
        department: str | None = None,
        grid: str | None = None,
        district: str | None = None,
        kind: str | None = None,
        edge: str | None = None,
    ) -> models.PrecisionAnswer:
        """How often machines are right, and what their wrong alarms cost operators; empty for who reviews no ..."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/indicators/precision",
                query={
                    "by": by,
                    "limit": limit,
                    "period": period,
                    "on": on,
                    "from": from_,
                    "to": to,
                    "department": department,
                    "grid": grid,
                    "district": district,
                    "kind": kind,
                    "edge": edge,
                },
            ),
            models.PrecisionAnswer,
        )

    def bulletin(
        self,
        *,
        month: str | None = None,
        quarter: str | None = None,
        year: str | None = None,
        format: models.Format | None = None,
        language: models.Language | None = None,
    ) -> bytes:
        """Overview, departments, grids, kinds, league tables and precision, each beside the period before."""
        return self._ask(
            "GET",
            "/api/v1/indicators/bulletin",
            query={"month": month, "quarter": quarter, "year": year, "format": format, "language": language},
        ).content
