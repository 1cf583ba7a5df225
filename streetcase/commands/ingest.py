"""``streetcase ingest``: gateway, worker and sinks, and what people do with dead letters and the archive."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Annotated

import typer

from streetcase.commands.ingest_dead_letters import dead_letters_app
from streetcase.commands.ingest_replay import replay
from streetcase.commands.ingest_sinks import sinks
from streetcase.told import UserError, told

STOPPING_S = 10  # for uploads in hand; an edge sends again what was broken off

ingest_app = typer.Typer(
    no_args_is_help=True, help="Ingestion. Settings come from STREETCASE_* variables, listed in docs/centre.md."
)


@ingest_app.command()
def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8001,
    tls_certificate: Annotated[Path | None, typer.Option(help="Speak TLS with this certificate (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
) -> None:
    """Take events and evidence in; an event is answered once it is durably in the stream."""
    with told():
        _check_tls(tls_certificate, tls_key)

        import uvicorn

        from api.evidence_store import EvidenceUnavailable
        from api.logs import configure_logs
        from ingest.gateway import create_gateway
        from ingest.redis_link import StreamError
        from ingest.settings import GatewaySettings, SettingsError

        configure_logs()
        with told(SettingsError, StreamError, EvidenceUnavailable):
            service = create_gateway(GatewaySettings.from_environment(os.environ))
        uvicorn.run(
            service,
            host=host,
            port=port,
            ssl_certfile=tls_certificate,
            ssl_keyfile=tls_key,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=STOPPING_S,
        )


@ingest_app.command()
def worker() -> None:
    """Report what is in the stream to the API, and acknowledge it only then."""
    with told():
        from api.logs import configure_logs
        from ingest.redis_link import StreamError
        from ingest.settings import SettingsError, WorkerSettings
        from ingest.sinks import SinksError
        from ingest.worker import run
        from streetcase.stopping import stop_on_signals

        configure_logs()
        with told(SettingsError, StreamError, SinksError), stop_on_signals() as stop:
            run(WorkerSettings.from_environment(os.environ), stop)


def _check_tls(certificate: Path | None, key: Path | None) -> None:
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise UserError("TLS needs both --tls-certificate and --tls-key")
    for file in (certificate, key):
        if not os.access(file, os.R_OK):
            raise UserError(f"{file} cannot be read")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:
        raise UserError(f"{certificate} and {key} are no certificate (PEM) and its own private key: {error}") from None


ingest_app.command()(sinks)
ingest_app.command()(replay)
ingest_app.add_typer(dead_letters_app, name="dead-letters")
