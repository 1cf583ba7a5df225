"""The API's operations on catalogue. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from typing import Literal

from api.typed_client import models
from api.typed_client.connection import Operations


class Catalogue(Operations):
    """Catalogue."""

    def list_kinds(self) -> list[models.ShownKind]:
        """List Kinds"""
        return self._read(self._ask("GET", "/api/v1/kinds"), list[models.ShownKind])

    def show_kind(self, key: str) -> models.CatalogueKind:
        """Show Kind"""
        return self._read(self._ask("GET", f"/api/v1/kinds/{self._part(key)}"), models.CatalogueKind)

    def set_kind(self, key: str, body: models.KindFields) -> models.CatalogueKind:
        """Makes or changes a kind; a retired one is in use again. Limits fixed at a dispatch stay what they ..."""
        return self._read(self._ask("PUT", f"/api/v1/kinds/{self._part(key)}", body=body), models.CatalogueKind)

    def delete_kind(self, key: str) -> models.Removal:
        """Removes a kind, or retires it where cases or assignments name it or it is of the default catalogue."""
        return self._read(self._ask("DELETE", f"/api/v1/kinds/{self._part(key)}"), models.Removal)

    def list_conditions(self, key: str) -> list[models.ConditionRow]:
        """List Conditions"""
        return self._read(self._ask("GET", f"/api/v1/kinds/{self._part(key)}/conditions"), list[models.ConditionRow])

    def set_condition(self, key: str, condition: str, body: models.ConditionFields) -> models.ConditionRow:
        """Makes or changes a condition; its limit counts from the next dispatch on."""
        return self._read(
            self._ask("PUT", f"/api/v1/kinds/{self._part(key)}/conditions/{self._part(condition)}", body=body),
            models.ConditionRow,
        )

    def delete_condition(self, key: str, condition: str) -> None:
        """Cases that were dispatched under it keep its word and its limit."""
        self._ask("DELETE", f"/api/v1/kinds/{self._part(key)}/conditions/{self._part(condition)}")

    def export_table(self, table: Literal["kinds", "conditions", "codes", "stages", "escalation"]) -> bytes:
        """The table as a file that can be imported again; retired kinds are left out."""
        return self._ask("GET", f"/api/v1/catalogue/{self._part(table)}.csv").content

    def take_table(
        self,
        table: Literal["kinds", "conditions", "codes", "stages", "escalation"],
        content: str | bytes,
        *,
        encoding: Literal["utf-8", "gb18030"] | None = None,
        missing: Literal["keep", "remove"] | None = None,
        dry_run: bool | None = None,
    ) -> models.CsvBodyImportAnswer:
        """Takes all lines or none; a 422 names each wrong line, its column, what was expected and what was ..."""
        return self._read(
            self._ask(
                "POST",
                f"/api/v1/catalogue/{self._part(table)}.csv",
                query={"encoding": encoding, "missing": missing, "dry_run": dry_run},
                content=content,
                media_type="text/csv",
            ),
            models.CsvBodyImportAnswer,
        )

    def export_days(self, key: str) -> bytes:
        """The holidays and make-up working days of a calendar."""
        return self._ask("GET", f"/api/v1/calendars/{self._part(key)}/days.csv").content

    def take_days(
        self,
        key: str,
        content: str | bytes,
        *,
        encoding: Literal["utf-8", "gb18030"] | None = None,
        missing: Literal["keep", "remove"] | None = None,
        dry_run: bool | None = None,
    ) -> models.CsvBodyImportAnswer:
        """Takes holidays (working 0) and make-up working days (working 1); dues that are fixed already stay."""
        return self._read(
            self._ask(
                "POST",
                f"/api/v1/calendars/{self._part(key)}/days.csv",
                query={"encoding": encoding, "missing": missing, "dry_run": dry_run},
                content=content,
                media_type="text/csv",
            ),
            models.CsvBodyImportAnswer,
        )

    def list_codes(
        self,
        *,
        scheme: str | None = None,
        code_class: Literal["event", "component"] | None = None,
        prefix: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> list[models.ShownCode]:
        """Codes of one scheme and class, or of all, that begin with ``prefix``."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/codes",
                query={"scheme": scheme, "code_class": code_class, "prefix": prefix, "offset": offset, "limit": limit},
            ),
            list[models.ShownCode],
        )

    def show_free(self, *, scheme: str, code_class: Literal["event", "component"], prefix: str) -> models.FreeCode:
        """The next free code under a prefix; local extensions count down from 99. 404 where all are taken."""
        return self._read(
            self._ask(
                "GET", "/api/v1/codes/free", query={"scheme": scheme, "code_class": code_class, "prefix": prefix}
            ),
            models.FreeCode,
        )

    def show(self) -> models.Stages:
        """Show"""
        return self._read(self._ask("GET", "/api/v1/catalogue/stages"), models.Stages)

    def replace(self, body: models.Stages) -> models.Stages:
        """Sets all limits and steps. A stage without a limit is never due; a clock that runs keeps its limit."""
        return self._read(self._ask("PUT", "/api/v1/catalogue/stages", body=body), models.Stages)
