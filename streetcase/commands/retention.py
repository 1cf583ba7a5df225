"""What ``streetcase api retention`` shows: a line for each case, the totals, and how to go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from streetcase.told import told

if TYPE_CHECKING:
    from api.evidence.retention import Removed

BROKEN_OFF = 130
_ROW = "{case:36}  {kind:24}  {state:10}  {ended:10}  {items:>7}  {size_bytes:>14}"


def show_retention(*, dry_run: bool, limit: int) -> None:
    """Exits with 0 once all or ``limit`` items are done, 2 where something has to be mended, 130 after Ctrl-C."""
    with told():
        from api.clock import utc_now
        from api.database import DatabaseUnavailable, database_of_command
        from api.evidence.retention import Retention
        from api.evidence.retention_policy import RetentionError, RetentionPolicy
        from api.evidence_store import EvidenceUnavailable, open_evidence_store
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, RetentionError, EvidenceUnavailable, DatabaseUnavailable):
            settings = ApiSettings.from_environment(os.environ)
            policy = RetentionPolicy.load(settings.retention_file)
            store = open_evidence_store(settings.evidence)
            totals = _Totals()
            try:
                with database_of_command(settings.database_url) as database:
                    for removed in Retention(database, store, policy, now=utc_now()).run(limit=limit, dry_run=dry_run):
                        totals.show(removed)
            except KeyboardInterrupt:
                typer.echo("broken off; what was begun, the next run finishes")
                raise typer.Exit(BROKEN_OFF) from None
            totals.show_sum(dry_run=dry_run, limit=limit)


class _Totals:
    def __init__(self) -> None:
        self._items = 0
        self._size_bytes = 0
        self._never_came = 0

    def show(self, removed: Removed) -> None:
        if not self._items and not self._never_came:
            typer.echo(
                _ROW.format(
                    case="case", kind="kind", state="state", ended="ended", items="items", size_bytes="bytes stored"
                )
            )
        case = removed.case
        self._items += removed.items
        self._size_bytes += removed.size_bytes
        self._never_came += removed.never_came
        typer.echo(
            _ROW.format(
                case=str(case.id) if case else "named by no case",
                kind=case.kind if case else "-",
                state=case.state.value if case else "-",
                ended=f"{case.ended_at:%Y-%m-%d}" if case else "-",
                items=removed.items,
                size_bytes=removed.size_bytes,
            )
        )

    def show_sum(self, *, dry_run: bool, limit: int) -> None:
        done = "would be removed" if dry_run else "removed"
        typer.echo(f"{done}: {self._items} items, {self._size_bytes} bytes")
        if self._never_came:
            typer.echo(f"items announced whose bytes never came: {self._never_came}")
        if self._items + self._never_came >= limit:
            typer.echo(f"the limit of {limit} items is reached; there may be more")
