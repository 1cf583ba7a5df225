"""``streetcase ingest replay``: builds an empty database again from the archive."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.told import UserError, told

if TYPE_CHECKING:
    from api.client import ApiClient
    from ingest.archive_reader import ArchiveFaults
    from ingest.replay import ReplaySummary

SAY_EVERY_S = 5.0
API_TIMEOUT_S = 60.0
REFUSED, STOPPED = 1, 130


def replay(
    since: Annotated[str, typer.Option("--from", help="Date or ISO time (UTC) from which on events were received.")],
    until: Annotated[str, typer.Option("--to", help="Date, whole, or ISO time until which.")],
    archive: Annotated[Path | None, typer.Option(help="The archive; else STREETCASE_ARCHIVE_DIR.")] = None,
    into_existing: Annotated[
        bool, typer.Option("--into-existing", help="Also where the API holds reports: what it has, it counts once.")
    ] = False,
) -> None:
    """Build an empty database again from the archive of what edges sent.

    Every event goes through the API, in its order. It may be stopped with Ctrl-C and repeated. Exits with 1 if the API
    refused any, or the archive is damaged.
    """
    with told():
        from api.client import ApiClient, ApiError
        from api.logs import configure_logs
        from ingest.archive_reader import ArchiveFaults, ArchiveUnreadable, read_archive
        from ingest.replay import Replay, SpanError, span
        from ingest.settings import SettingsError
        from ingest.tool_settings import ReplaySettings
        from streetcase.stopping import stop_on_signals

        configure_logs()
        with told(SettingsError, SpanError, ApiError, ArchiveUnreadable), stop_on_signals() as stop:
            first, last = span(since, until)
            settings = ReplaySettings.from_environment(os.environ, archive_dir=archive)
            api, faults = ApiClient(settings.api_url, settings.service_key, timeout_s=API_TIMEOUT_S), ArchiveFaults()
            try:
                if not into_existing:
                    _check_empty(api)
                with _progress() as tell:
                    entries = read_archive(settings.archive_dir, since=first, until=last, faults=faults)
                    summary = Replay(api, stop).run(entries, tell=tell)
            finally:
                api.close()
        _say_summary(summary)
        _say_faults(faults)
        if summary.stopped:
            _say_how_to_go_on(summary, since, until)
            raise typer.Exit(STOPPED)
        raise typer.Exit(REFUSED if summary.refused or faults.damaged or faults.lines else 0)


def _check_empty(api: ApiClient) -> None:
    if count := api.report_count():
        raise UserError(
            f"the API already holds {count:,} reports; a replay is for an empty database. With --into-existing it "
            "adds what is missing there; what the API has is counted once"
        )


@contextmanager
def _progress() -> Iterator[Callable[[ReplaySummary], None]]:
    """Yields what shows the progress: a line that moves on a terminal, else a line every few seconds."""
    if not sys.stderr.isatty():
        yield _say_seldom()
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("reading the archive", total=None)
        yield lambda summary: shown.update(task, description=_so_far(summary))


def _say_seldom() -> Callable[[ReplaySummary], None]:
    say_at = time.monotonic() + SAY_EVERY_S

    def tell(summary: ReplaySummary) -> None:
        nonlocal say_at
        if time.monotonic() >= say_at:
            typer.echo(_so_far(summary), err=True)
            say_at = time.monotonic() + SAY_EVERY_S

    return tell


def _so_far(summary: ReplaySummary) -> str:
    reached = f", received until {summary.reached:%Y-%m-%d %H:%M:%S} UTC" if summary.reached else ""
    return f"{summary.events:,} events{reached}"


def _say_summary(summary: ReplaySummary) -> None:
    from api.schemas import ReportOutcome

    if not summary.events:
        typer.echo("no events were received in that time")
    words = {
        ReportOutcome.NEW_CASE: "new cases",
        ReportOutcome.JOINED: "joined",
        ReportOutcome.COUNTED: "counted",
        ReportOutcome.DUPLICATE: "duplicates",
        ReportOutcome.REFUSED: "refused",
    }
    counts = ", ".join(f"{word} {summary.outcomes[outcome]:,}" for outcome, word in words.items())
    typer.echo(f"events {summary.events:,}: {counts}")
    for reason, count in summary.refused.most_common():
        typer.echo(f"  refused {count:,}: {reason}")


def _say_faults(faults: ArchiveFaults) -> None:
    for path, size_bytes in faults.torn.items():
        typer.echo(f"archive: the last {size_bytes:,} bytes of {path} were never whole, and were left out")
    for path, size_bytes in faults.damaged.items():
        typer.secho(f"archive: {size_bytes:,} bytes in {path} are damaged, and were left out", fg=typer.colors.RED)
    if faults.lines:
        typer.secho(f"archive: {faults.lines:,} lines are unreadable, and were left out", fg=typer.colors.RED)
    for path in faults.strangers:
        typer.echo(f"archive: {path} is none of its files, and was left alone")


def _say_how_to_go_on(summary: ReplaySummary, since: str, until: str) -> None:
    # From the beginning of the day: within it, events come by the stream's numbers.
    day = f"{summary.reached:%Y-%m-%d}" if summary.reached else since
    typer.echo(f"stopped; go on with: streetcase ingest replay --from {day} --to {until} --into-existing")
