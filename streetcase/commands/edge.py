"""``streetcase edge``: check a configuration, run an edge, see how it is."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.commands.edge_discover import discover
from streetcase.commands.edge_try import try_clip
from streetcase.commands.outbox import outbox_app
from streetcase.told import UserError, told

if TYPE_CHECKING:
    from ingest.configuration import Centre

edge_app = typer.Typer(no_args_is_help=True, help="The edge: cameras and sensors in, events out.")
edge_app.add_typer(outbox_app, name="outbox")
edge_app.command(name="try")(try_clip)
edge_app.command()(discover)

ConfigurationFile = Annotated[Path, typer.Argument(help="The edge's YAML file.")]


@edge_app.command()
def check(file: ConfigurationFile) -> None:
    """Check a configuration whole; each problem names its line and what was expected."""
    with told():
        from edge.configuration.load import ConfigurationError, load_configuration

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

    A changed file is taken within seconds, and at once at SIGHUP, where it is good as a whole.

    The key for the centre is where the file's key_env or key_file says; `streetcase api add-edge` makes one.
    """
    with told():
        from edge.configuration.load import ConfigurationError
        from edge.logs import configure_logs
        from edge.outbox.box import OutboxError
        from edge.processes.local_file import LocalFile
        from edge.processes.lock import DataFolderUnusable, EdgeIsRunning, only_one
        from edge.processes.run import Edge, EdgeCannotStart
        from streetcase.stopping import stop_on_signals

        configure_logs()
        with told(ConfigurationError, DataFolderUnusable, EdgeIsRunning, EdgeCannotStart, OutboxError):
            own = LocalFile(file, os.environ)
            configuration = own.load()
            with only_one(Path(configuration.data_dir)), stop_on_signals() as stop:
                signal.signal(signal.SIGHUP, lambda *_: own.asked.set())
                Edge(configuration, environment=os.environ, stop=stop, own=own).run()


@edge_app.command()
def register(
    gateway_url: Annotated[str, typer.Argument(help="The gateway's address, as in the edge's file: centre.url.")],
    token: Annotated[
        str | None,
        typer.Argument(help="The one-time token. Left out: from STREETCASE_EDGE_TOKEN, or else from standard input."),
    ] = None,
    *,
    key_file: Annotated[Path, typer.Option(help="The file to make; it must not exist.")],
    ca_file: Annotated[Path | None, typer.Option(help="A private authority's certificate.")] = None,
    certificate_file: Annotated[
        Path | None, typer.Option(help="The one certificate that the centre must show.")
    ] = None,
) -> None:
    """Exchange a one-time token of the centre for this edge's key, and keep it in a file that only you read.

    On a command line others see a token, and the shell keeps it: better pipe it in, or set STREETCASE_EDGE_TOKEN.
    """
    with told():
        from edge.centre.registration import RegistrationError
        from edge.centre.registration import register as register_box

        centre = _centre(gateway_url, key_file, ca_file, certificate_file)
        given = token or os.environ.get("STREETCASE_EDGE_TOKEN") or sys.stdin.readline()
        if not given.strip():
            raise UserError("no token: pipe it in, or set STREETCASE_EDGE_TOKEN")
        with told(RegistrationError):
            edge_id = register_box(centre, given.strip(), key_file)
        typer.echo(f"registered as {edge_id}; its key is in {key_file}. In the edge's file: edge_id: {edge_id}, and")
        typer.echo(f"centre: {{url: {gateway_url}, key_file: {key_file.absolute()}}}")


@edge_app.command(name="learn-preset")
def learn_preset(
    file: ConfigurationFile,
    camera: Annotated[str, typer.Argument(help="The camera, turned to the preset by now.")],
    preset: Annotated[str, typer.Argument(help="What its watches call the preset.")],
) -> None:
    """Learn what a preset of a camera looks like; a running edge takes it up within seconds."""
    with told():
        from edge.configuration.load import ConfigurationError, load_configuration
        from edge.looking.learn_preset import PresetNotLearnt
        from edge.looking.learn_preset import learn_preset as learn
        from edge.processes.folders import Folders
        from edge.reading.faults import CameraFault
        from edge.staying.clock import SystemClock

        with told(ConfigurationError, PresetNotLearnt, CameraFault):
            configuration = load_configuration(file, os.environ)
            chosen = next((c for c in configuration.cameras if c.id == camera), None)
            if chosen is None:
                raise UserError(f"no camera {camera!r}; there is: {', '.join(c.id for c in configuration.cameras)}")
            learn(chosen, preset, Folders(Path(configuration.data_dir)).views, clock=SystemClock())
        typer.echo(f"learnt preset {preset} of camera {camera}")
        if not any(w.camera == camera and w.preset == preset for w in configuration.watches):
            typer.echo("No watch of the file names it; the centre's may.")


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


def _centre(gateway_url: str, key_file: Path, ca_file: Path | None, certificate_file: Path | None) -> Centre:
    from pydantic import ValidationError

    from ingest.configuration import Centre

    files = {"key_file": key_file, "ca_file": ca_file, "certificate_file": certificate_file}
    try:
        return Centre.model_validate(
            {"url": gateway_url, **{name: str(file) for name, file in files.items() if file is not None}}
        )
    except ValidationError as error:
        raise UserError(
            "; ".join(": ".join([*map(str, fault["loc"]), fault["msg"]]) for fault in error.errors())
        ) from None
