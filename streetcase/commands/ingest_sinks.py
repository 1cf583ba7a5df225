"""``streetcase ingest sinks``: sends what the API took to whoever else wants to hear of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.told import UserError, print_json, told

if TYPE_CHECKING:
    import redis

    from ingest.sinks.base import SinkConfiguration
    from ingest.sinks.runner import RunningSink
    from ingest.tool_settings import StreamSettings


def sinks(
    file: Annotated[Path | None, typer.Option(help="The YAML file; else STREETCASE_SINKS_FILE.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the file and its secrets; say what would run.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Only say what waits for each sink, as JSON.")] = False,
) -> None:
    """Run all sinks of the file until SIGTERM or Ctrl-C.

    Any number may run: for each sink one of them sends, in order. What is in hand stays for the next.
    """
    with told():
        from ingest.redis_link import StreamError
        from ingest.settings import SettingsError
        from ingest.sinks import SinksError
        from ingest.sinks.file import read_sinks
        from ingest.sinks.runner import SinksDied

        with told(SettingsError, StreamError, SinksError, SinksDied):
            configurations = read_sinks(_file(file))
            if check:
                _check(configurations)
            elif status:
                _status(configurations)
            else:
                _run(configurations)


def _file(given: Path | None) -> Path:
    file = given or (Path(os.environ["STREETCASE_SINKS_FILE"]) if os.environ.get("STREETCASE_SINKS_FILE") else None)
    if file is None:
        raise UserError("say where the sinks are: --file FILE, or set STREETCASE_SINKS_FILE")
    return file


def _check(configurations: Sequence[SinkConfiguration]) -> None:
    from ingest.sinks.base import NoMemory, Surroundings
    from ingest.sinks.registry import build

    for configuration in configurations:
        build(configuration, Surroundings(os.environ, NoMemory())).close()
        kinds = ", ".join(configuration.kinds_wanted or ["all kinds"])
        phases = ", ".join(configuration.phases_wanted or ["all phases"])
        typer.echo(f"{configuration.name}: {configuration.type} to {configuration.target}; {kinds}; {phases}")
    typer.echo(f"good. Sinks: {len(configurations)}")


def _status(configurations: Sequence[SinkConfiguration]) -> None:
    from ingest.redis_link import connect
    from ingest.sinks.stream import SinkStream

    settings = _settings()
    client = connect(settings.redis_url)
    try:
        streams = [SinkStream(client, found.name, prefix=settings.stream_prefix) for found in configurations]
        counts = [stream.counts() for stream in streams]
    finally:
        client.close()
    print_json(
        [
            {"name": found.name, "type": found.type, "waiting": count.waiting, "dead_letters": count.dead}
            for found, count in zip(configurations, counts, strict=True)
        ]
    )


def _run(configurations: Sequence[SinkConfiguration]) -> None:
    from api.logs import configure_logs
    from ingest.redis_link import connect
    from ingest.sinks.runner import run_sinks
    from streetcase.stopping import stop_on_signals

    if not configurations:
        raise UserError("the file names no sinks, so there is nothing to run")
    configure_logs()
    settings = _settings()
    # Without repetition: entries whose answer was lost must be found again before any later ones are read.
    client = connect(settings.redis_url, retries=0)
    try:
        with stop_on_signals() as stop:
            run_sinks([_built(found, client, settings) for found in configurations], stop)
    finally:
        client.close()


def _built(configuration: SinkConfiguration, client: redis.Redis, settings: StreamSettings) -> RunningSink:
    from ingest.sinks.base import Surroundings
    from ingest.sinks.registry import build
    from ingest.sinks.runner import RunningSink
    from ingest.sinks.stream import SinkStream

    stream = SinkStream(client, configuration.name, prefix=settings.stream_prefix)
    return RunningSink(configuration, build(configuration, Surroundings(os.environ, stream)), stream)


def _settings() -> StreamSettings:
    from ingest.tool_settings import StreamSettings

    return StreamSettings.from_environment(os.environ)
