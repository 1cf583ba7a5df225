"""``streetcase api``: prepare the database, serve the case API, make keys and passwords."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.commands.backup import show_backup, show_restore
from streetcase.commands.retention import show_retention
from streetcase.told import told

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.settings import ApiSettings

api_app = typer.Typer(
    no_args_is_help=True, help="The case API. Settings come from STREETCASE_* variables, listed in docs/centre.md."
)


@api_app.command()
def prepare() -> None:
    """Make or migrate the database and the folders; the first start prints the administrator's password once."""
    with told():
        from api.database import DatabaseUnavailable
        from api.evidence_store import EvidenceUnavailable
        from api.first_start import prepare as prepare_place
        from api.migrate import MigrationError
        from api.secret_file import SecretFileError
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, DatabaseUnavailable, MigrationError, SecretFileError, EvidenceUnavailable):
            first = prepare_place(ApiSettings.from_environment(os.environ))
        if first.administrator_password is not None:
            typer.echo("first start: user administrator, password (shown this once):")
            typer.echo(first.administrator_password)
        else:
            typer.echo("ready; nothing was new")


@api_app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    processes: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="How many serve; 0: on PostgreSQL one for each core, four at most, on SQLite one."
        ),
    ] = None,
) -> None:
    """Serve the case API; its documentation is at /docs."""
    with told():
        from api.processes import PortTaken, ServingFailed, serve_by_processes
        from api.serving import serve as serve_until_told
        from api.settings import ApiSettings, SettingsError

        given = {} if processes is None else {"STREETCASE_API_PROCESSES": str(processes)}
        with told(SettingsError, PortTaken, ServingFailed):
            settings = ApiSettings.from_environment({**os.environ, **given})
            if settings.processes > 1:
                serve_by_processes(settings, host=host, port=port, make_app=_make_app)
            else:
                serve_until_told(_make_app(settings), host=host, port=port)


def _make_app(settings: ApiSettings) -> FastAPI:
    """In each process that serves; where it cannot, the process ends with a line that says why."""
    from api.app import create_app
    from api.evidence_store import EvidenceUnavailable
    from api.logs import configure_logs

    configure_logs()
    try:
        with told(EvidenceUnavailable):
            app = create_app(settings)
    except typer.Exit as over:
        # What ends a command is for a process of many an error like any other.
        raise SystemExit(over.exit_code) from None
    # What is loaded by now stays to the end: to look through all of it for garbage, again and again while reports come
    # in, took the collector a quarter of the processor time of recording them.
    gc.collect()
    gc.freeze()
    return app


@api_app.command("add-edge")
def add_edge(edge_id: Annotated[str, typer.Argument(help="The edge_id of the edge's YAML file.")]) -> None:
    """Make a key for an edge and print it once; put it where the edge's key_env or key_file says."""
    with told():
        from api.database import DatabaseUnavailable
        from api.people.keys import EdgeIdRefused
        from api.people.keys import add_edge as make_key
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, DatabaseUnavailable, EdgeIdRefused):
            typer.echo(make_key(ApiSettings.from_environment(os.environ), edge_id))


@api_app.command("reset-password")
def reset_password(name: Annotated[str, typer.Argument(help="Name of the user.")]) -> None:
    """Give a user a new generated password and print it once."""
    with told():
        from api.database import DatabaseUnavailable
        from api.people.accounts import PeopleError
        from api.people.accounts import reset_password as make_password
        from api.settings import ApiSettings, SettingsError

        with told(SettingsError, DatabaseUnavailable, PeopleError):
            typer.echo(make_password(ApiSettings.from_environment(os.environ), name))


@api_app.command("make-evidence-key")
def make_evidence_key(
    file: Annotated[Path, typer.Argument(help="The file to make; it must not exist. Keep a copy off this machine.")],
) -> None:
    """Make a key that encrypts evidence at rest; STREETCASE_EVIDENCE_KEY_FILE names it, to the API and the gateway."""
    with told():
        from api.evidence.keys import make_key_file
        from api.evidence_store import EvidenceMisconfigured

        with told(EvidenceMisconfigured):
            make_key_file(file)
        typer.echo(f"{file} made; without it, what it encrypts can never be read again")


@api_app.command()
def retention(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and change nothing.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Items of evidence to remove at most.")] = 10_000,
) -> None:
    """Remove evidence whose time is over, by the table of retention; run it once a day."""
    show_retention(dry_run=dry_run, limit=limit)


@api_app.command()
def backup(folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist.")]) -> None:
    """Copy database (SQLite) and evidence of one moment into a new folder, while the API goes on."""
    show_backup(folder)


@api_app.command()
def restore(folder: Annotated[Path, typer.Argument(help="A folder that backup made.")]) -> None:
    """Check a backup, and put it where the settings say; nothing is overwritten."""
    show_restore(folder)
