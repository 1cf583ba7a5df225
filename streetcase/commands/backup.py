"""What ``streetcase api backup`` and ``restore`` show: how far they are, and what is in the copy."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from streetcase.told import told

if TYPE_CHECKING:
    from api.backup import Copied

BROKEN_OFF = 130
_SHOWN_EVERY_S = 2.0


def show_backup(folder: Path) -> None:
    """Exits with 2 where something has to be mended, with 130 after Ctrl-C, which leaves nothing behind."""
    with told():
        from api.backup import BackupError, back_up
        from api.clock import utc_now
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, BackupError, OSError):
            settings = ApiSettings.from_environment(os.environ)
            try:
                copied = back_up(settings, folder, at=utc_now(), progress=_Shown())
            except KeyboardInterrupt:
                typer.echo("broken off; nothing is left behind")
                raise typer.Exit(BROKEN_OFF) from None
        _tell(copied)
        if not copied.database:
            typer.echo("the database is PostgreSQL: copy it with pg_dump --format=custom, before the evidence")
        if not copied.evidence:
            typer.echo("the evidence is in a bucket: copy it with the bucket's own means")
        typer.echo(f"{folder} is whole; keep the service key's and the evidence key's files elsewhere")


def show_restore(folder: Path) -> None:
    """Exits as ``show_backup`` does; after Ctrl-C there is no database yet, and evidence may have to be removed."""
    with told():
        from api.backup import BackupError, restore
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, BackupError, OSError):
            settings = ApiSettings.from_environment(os.environ)
            try:
                copied = restore(settings, folder, progress=_Shown())
            except KeyboardInterrupt:
                typer.echo("broken off; the database was not touched, remove the evidence folder and begin again")
                raise typer.Exit(BROKEN_OFF) from None
        _tell(copied)
        if not copied.database:
            typer.echo("the database is PostgreSQL: bring it back with pg_restore")
        typer.echo("run streetcase api prepare next; it migrates a database of an older release")


def _tell(copied: Copied) -> None:
    parts = [f"{copied.items} items of evidence", f"{copied.size_bytes} bytes"]
    if copied.database:
        parts.insert(0, "the database")
    typer.echo(", ".join(parts))
    for sha256 in copied.missing[:20]:
        typer.echo(f"missing already in the evidence store: {sha256}")
    if len(copied.missing) > 20:
        typer.echo(f"and {len(copied.missing) - 20} more, listed in the manifest")


class _Shown:
    def __init__(self) -> None:
        self._shown_s = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._shown_s >= _SHOWN_EVERY_S:
            self._shown_s = time.monotonic()
            typer.echo(f"{what}: {done} of {total}")
