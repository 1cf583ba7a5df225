"""``streetcase edge try``: what an edge would raise from a clip, without a centre and without a running edge."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from streetcase.told import UserError, told

if TYPE_CHECKING:
    from edge.trying.clip import Clip
    from edge.trying.course import Course
    from edge.trying.folder import TryFolder
    from edge.trying.run import Outcome
    from edge.trying.watches import Tried


def try_clip(
    clip: Annotated[Path, typer.Argument(help="The clip, a video file.")],
    watches: Annotated[Path, typer.Argument(help="An edge's YAML file, or one with only `watches:`.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to fill; it must be empty or not exist.")],
    overwrite: Annotated[bool, typer.Option(help="Write over an earlier try in that folder.")] = False,
    camera: Annotated[str | None, typer.Option(help="Which of several cameras the clip stands for.")] = None,
    look_every_s: Annotated[
        float | None, typer.Option(min=0.2, max=3600, help="Look this often, instead of as the file says.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="When the clip begins, ISO 8601. Left out: when the file was made.")
    ] = None,
) -> None:
    """Take a clip through the whole edge, as fast as it goes, and see what would be raised.

    Writes events.jsonl, evidence/, timeline.png and summary.json. Ctrl-C leaves what was found so far.
    """
    with told():
        from detectors.base import DetectorError
        from edge.configuration.load import ConfigurationError
        from edge.outbox.box import OutboxError
        from edge.processes.cannot_start import WatchCannotStart
        from edge.trying.clip import ClipUnusable, open_clip
        from edge.trying.folder import FolderUnusable, TryFolder
        from edge.trying.watches import watches_to_try

        mendable = (ClipUnusable, ConfigurationError, DetectorError, FolderUnusable, OutboxError, WatchCannotStart)
        with told(*mendable):
            tried = watches_to_try(watches, clip, camera_id=camera, look_every_s=look_every_s)
            opened = open_clip(clip)
            begins = opened.taken_at if start is None else _moment(start, tried.time_zone)
            code = _try(opened, tried, TryFolder(out, overwrite=overwrite), begins)
    raise typer.Exit(code)


def _try(clip: Clip, tried: Tried, folder: TryFolder, start: datetime) -> int:
    from edge.logs import configure_logs
    from edge.trying.run import ClipTry
    from edge.trying.summary import warnings_before
    from streetcase.stopping import stop_on_signals

    configure_logs(least="warning")
    warnings = warnings_before(clip, tried.watches)
    if tried.left_out:
        warnings.append(f"left out, because they are of other sources: {', '.join(tried.left_out)}")
    for warning in warnings:
        typer.secho(warning, err=True, fg=typer.colors.YELLOW)
    with stop_on_signals() as stop, _Bar(clip.seconds) as bar:
        began_s = time.monotonic()
        outcome = ClipTry(tried, start=start, folder=folder).run(stop=stop, after_look=bar.show)
        took_s = time.monotonic() - began_s
    return _tell(outcome, clip, tried, folder, took_s=took_s, warnings=warnings)


def _tell(outcome: Outcome, clip: Clip, tried: Tried, folder: TryFolder, *, took_s: float, warnings: list[str]) -> int:
    from rich.console import Console

    from edge.trying.folder import EVENTS, SUMMARY, TIMELINE
    from edge.trying.summary import print_outcome, summary_of
    from edge.trying.timeline import write_timeline

    try:
        folder.write_summary(summary_of(outcome, clip, tried, took_s=took_s, warnings=warnings))
        write_timeline(folder.root / TIMELINE, outcome.course, tried.watches)
    except OSError as error:
        raise UserError(f"{folder.root}: cannot be written: {error.strerror}") from None
    console = Console()
    print_outcome(console, outcome, tried, took_s=took_s)
    console.print(f"written to {folder.root}: {EVENTS}, evidence, {TIMELINE}, {SUMMARY}", highlight=False)
    if outcome.stopped:
        typer.secho(f"stopped after {outcome.course.passed_s:.0f} s of the clip", err=True, fg=typer.colors.YELLOW)
        return 130
    problems = [f"{times} looks were not judged: {fault}" for fault, times in outcome.course.faults.items()]
    if outcome.fault is not None:
        problems.append(f"the clip ends early, after {outcome.course.passed_s:.0f} s: {outcome.fault}")
    elif not outcome.course.looks_s and not problems:
        problems.append("no picture of the clip could be looked at")
    for problem in problems:
        typer.secho(problem, err=True, fg=typer.colors.RED)
    return 1 if problems else 0


def _moment(text: str, time_zone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"--start: expected a time like 2026-06-01T08:00:00+08:00, got {text!r}") from None


class _Bar:
    """A progress bar over the seconds of the clip; only on a terminal."""

    def __init__(self, clip_s: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not Console(stderr=True).is_terminal,
        )
        self._task = self._progress.add_task("loading", total=clip_s)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, course: Course) -> None:
        told = f"{len(course.looks_s)} looks, {len(course.incidents)} incidents"
        self._progress.update(self._task, completed=course.passed_s, description=told)
