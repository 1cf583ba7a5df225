"""The command line: one program for all parts, each of which can run on a machine of its own."""

from __future__ import annotations

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from streetcase.commands.api import api_app
from streetcase.commands.audit import audit_app
from streetcase.commands.edge import edge_app
from streetcase.commands.ingest import ingest_app
from streetcase.commands.model import model_app
from streetcase.told import print_json, told

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turns street cameras and sensors into cases. Start with `streetcase demo`, then `streetcase up`.",
)
app.add_typer(edge_app, name="edge")
app.add_typer(ingest_app, name="ingest")
app.add_typer(api_app, name="api")
app.add_typer(model_app, name="model")
app.add_typer(audit_app, name="audit")


class Schema(StrEnum):
    EVENT = "event"
    ANSWER = "answer"
    STATUS = "status"
    REQUEST = "request"
    RESULT = "result"
    CONFIGURATION = "configuration"


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(version("streetcase"))
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def schema(name: Annotated[Schema, typer.Argument(help="Which message of the contract.")]) -> None:
    """Print the JSON Schema of a message of the contract, or of the edge's configuration.

    event: what an edge sends. answer: what it gets back. status: how it is. request and result: what the centre asks
    of it, and its reply. configuration: its YAML file.
    """
    from ingest.configuration import EdgeConfiguration
    from ingest.contract import Event, PostAnswer
    from ingest.edge_messages import EdgeRequest, EdgeStatus, RequestResult

    models: dict[Schema, type[BaseModel]] = {
        Schema.EVENT: Event,
        Schema.ANSWER: PostAnswer,
        Schema.STATUS: EdgeStatus,
        Schema.REQUEST: EdgeRequest,
        Schema.RESULT: RequestResult,
        Schema.CONFIGURATION: EdgeConfiguration,
    }
    print_json(models[name].model_json_schema())


@app.command()
def up(
    data: Annotated[Path, typer.Option(help="Folder for everything that must survive.")] = Path("streetcase-data"),
    edge: Annotated[Path | None, typer.Option(help="Run an edge too, with this YAML file.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API and its documentation.")] = 8000,
    gateway_port: Annotated[int, typer.Option(help="Port that edges send to.")] = 8001,
) -> None:
    """Run the whole centre on this machine: stream, gateway, worker and API, and an edge where one is given.

    In the edge's file, centre.url is the gateway's, http://127.0.0.1:8001; its key is made where none is set.
    Ctrl-C stops it in order; nothing that was accepted is lost.
    """
    with told():
        from streetcase.all_in_one import AllInOne, Ports
        from streetcase.stopping import stop_on_signals

        parts = AllInOne(data, host=host, ports=Ports(api=port, gateway=gateway_port), edge_file=edge)
        with stop_on_signals() as stop:
            parts.start(say=typer.echo, stop=stop)
            typer.echo(f"API and its documentation: {parts.api_url}   edges send to: {parts.gateway_url}")
            typer.echo(f"Logs: {parts.logs}   Ctrl-C stops everything.")
            parts.run(stop)
            typer.echo("stopped")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures that the demo leaves behind.")] = Path("demo-out"),
    json_file: Annotated[Path, typer.Option("--json", help="Where to write the result as JSON.")] = Path("demo.json"),
    rendered: Annotated[
        bool, typer.Option("--rendered", help="Do not fetch the footage; play the rendered scene.")
    ] = False,
) -> None:
    """Play a real street clip and two sensors through everything, and confirm one of the cases that come out.

    Takes about two minutes after the clip is there; exits with 1 if the cases are not the expected ones.
    """
    with told():
        from streetcase.demo.run import run_demo

        raise typer.Exit(run_demo(out=out, json_file=json_file, rendered=rendered))
