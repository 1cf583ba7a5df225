"""``streetcase edge``: check a configuration, run an edge, see how it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from streetcase.commands.outbox import outbox_app
from streetcase.told import UserError, told

edge_app = typer.Typer(no_args_is_help=True, help="The edge: cameras and sensors in, events out.")
edge_app.add_typer(outbox_app, name="outbox")

ConfigurationFile = Annotated[Path, typer.Argument(help="The edge's YAML file.")]


@edge_app.command()
def check(file: ConfigurationFile) -> None:
    """Check a configuration whole; each problem names its line and what was expected."""
    with told():
        from edge.configuration import ConfigurationError, load_configuration

        with told(ConfigurationError):
            found = load_configuration(file, os.environ)
        typer.echo(
            f"{file}: good. Cameras: {len(found.cameras)}, sensors: {len(found.sensors)}, watches: {len(found.watches)}"
        )
        if found.centre is None:
            typer.echo("It names no centre: what is raised stays in the outbox.")


@edge_app.command()
def run(file: ConfigurationFile) -> None:
    """Run the edge until SIGTERM or Ctrl-C; what stays is kept, and goes on at the next start.

    The key for the centre is where the file's key_env or key_file says; `streetcase api add-edge` makes one.
    """
    with told():
        from edge.configuration import ConfigurationError, load_configuration
        from edge.lock import DataFolderUnusable, EdgeIsRunning, only_one
        from edge.logs import configure_logs
        from edge.outbox import OutboxError
        from edge.run import Edge, EdgeCannotStart
        from streetcase.stopping import stop_on_signals

        configure_logs()
        with told(ConfigurationError, DataFolderUnusable, EdgeIsRunning, EdgeCannotStart, OutboxError):
            configuration = load_configuration(file, os.environ)
            with only_one(Path(configuration.data_dir)), stop_on_signals() as stop:
                Edge(configuration, environment=os.environ, stop=stop).run()


@edge_app.command()
def status(
    data_dir: Annotated[Path, typer.Argument(help="The edge's data folder.")] = Path("edge-data"),
) -> None:
    """Show the last status of the edge that runs on this machine: cameras, sensors, watches, backlog."""
    with told():
        from edge.status_table import StatusUnreadable, print_status

        try:
            text = (data_dir / "status.json").read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(f"{data_dir / 'status.json'}: {error.strerror}; is an edge running there?") from None
        with told(StatusUnreadable):
            print_status(text)
