"""``streetcase audit``: whether what people did still stands as it was written down."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.told import print_json, told

if TYPE_CHECKING:
    from api.audit.chain import Verdict

audit_app = typer.Typer(no_args_is_help=True, help="The audit trail: what people did, chained so that a change shows.")
BROKEN = 1


@audit_app.callback()
def _group() -> None:
    pass


@audit_app.command()
def verify(
    *,
    heads: Annotated[
        Path | None, typer.Option(help="A copy of the file of heads; else the one that the settings name, if there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Read the whole chain and compare it with its exported heads; exits with 1 where it is broken, and says where."""
    with told():
        from api.audit.chain import verify as verify_chain
        from api.audit.heads import HeadsFileError, read_heads
        from api.clock import utc_now
        from api.database import DatabaseUnavailable, database_of_command
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, DatabaseUnavailable, HeadsFileError):
            settings = ApiSettings.from_environment(os.environ)
            file = heads or (settings.audit_heads if settings.audit_heads.exists() else None)
            exported = read_heads(file) if file else []
            with database_of_command(settings.database_url) as database, database.read() as session:
                verdict = verify_chain(session, now=utc_now(), heads=exported)
        if as_json:
            print_json({"sound": verdict.sound, **asdict(verdict)})
        else:
            _show(verdict)
        if not verdict.sound:
            raise typer.Exit(BROKEN)


def _show(verdict: Verdict) -> None:
    if verdict.fault is None:
        typer.echo(f"sound: {verdict.place} rows, {verdict.heads} heads met, the last hash is {verdict.hash}")
    else:
        row = "" if verdict.fault.row_id is None else f" (row {verdict.fault.row_id})"
        typer.echo(f"broken at place {verdict.fault.place}{row}: {verdict.fault.reason}")
        typer.echo(f"sound up to place {verdict.place}")
    if verdict.oldest_unsealed_s is None:
        typer.echo("nothing waits to be sealed")
    else:
        typer.echo(f"not sealed yet: {verdict.unsealed} rows, the oldest for {verdict.oldest_unsealed_s:.1f} s")
