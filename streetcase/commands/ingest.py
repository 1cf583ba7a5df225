"""``streetcase ingest``: the gateway that edges send to, and the worker that reports to the API."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from streetcase.told import told

ingest_app = typer.Typer(
    no_args_is_help=True, help="Ingestion. Settings come from STREETCASE_* variables, listed in docs/centre.md."
)


@ingest_app.command()
def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8001,
) -> None:
    """Take events and evidence in; an event is answered once it is durably in the stream."""
    with told():
        import uvicorn

        from api.logs import configure_logs
        from ingest.gateway import create_gateway
        from ingest.redis_link import StreamError
        from ingest.settings import GatewaySettings, SettingsError

        configure_logs()
        with told(SettingsError, StreamError):
            service = create_gateway(GatewaySettings.from_environment(os.environ))
        uvicorn.run(service, host=host, port=port, log_level="warning", access_log=False)


@ingest_app.command()
def worker() -> None:
    """Report what is in the stream to the API, and acknowledge it only then."""
    with told():
        from api.logs import configure_logs
        from ingest.redis_link import StreamError
        from ingest.settings import SettingsError, WorkerSettings
        from ingest.worker import run
        from streetcase.stopping import stop_on_signals

        configure_logs()
        with told(SettingsError, StreamError), stop_on_signals() as stop:
            run(WorkerSettings.from_environment(os.environ), stop)
