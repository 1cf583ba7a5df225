"""``streetcase edge try``: what an edge would raise from a clip, without a centre and without a running edge."""

from __future__ import annotations

import time
from dataclasses import dataclass
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
    from edge.trying.scoring import Score
    from edge.trying.truth import Truth
    from edge.trying.watches import Tried


def try_clip(
    clip: Annotated[Path, typer.Argument(help="The clip, a video file.")],
    watches: Annotated[Path, typer.Argument(help="An edge's YAML file, or one with only `watches:`.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to fill; it must be empty or not exist.")],
    overwrite: Annotated[bool, typer.Option(help="Write over an earlier try in that folder.")] = False,
    camera: Annotated[str | None, typer.Option(help="Which of several cameras the clip stands for.")] = None,
    preset: Annotated[str | None, typer.Option(help="Which preset of a camera that turns the clip shows.")] = None,
    look_every_s: Annotated[
        float | None, typer.Option(min=0.2, max=3600, help="Look this often, instead of as the file says.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="When the clip begins, ISO 8601. Left out: when the file was made.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="What is known of the clip, as YAML; what is raised is scored.")
    ] = None,
    require_recall: Annotated[float | None, typer.Option(min=0, max=1, help="End with 1 below this recall.")] = None,
    require_precision: Annotated[
        float | None, typer.Option(min=0, max=1, help="End with 1 below this precision.")
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
        from edge.trying.truth import load_truth
        from edge.trying.watches import watches_to_try

        if truth is None and (require_recall is not None or require_precision is not None):
            raise UserError("--require-recall and --require-precision need --truth")
        mendable = (ClipUnusable, ConfigurationError, DetectorError, FolderUnusable, OutboxError, WatchCannotStart)
        with told(*mendable):
            tried = watches_to_try(watches, clip, camera_id=camera, preset=preset, look_every_s=look_every_s)
            known = None if truth is None else load_truth(truth, tried.watches)
            opened = open_clip(clip)
            begins = opened.taken_at if start is None else _moment(start, tried.time_zone)
            asked = _Asked(known, require_recall, require_precision)
            code = _try(opened, tried, TryFolder(out, overwrite=overwrite), begins, asked)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the try is scored against, and the least that will do."""

    truths: list[Truth] | None
    recall: float | None
    precision: float | None

    def shortfalls(self, score: Score) -> list[str]:
        return [
            f"{name} {reached:.3f}, at least {wanted:g} is required"
            for name, reached, wanted in (
                ("recall", score.recall, self.recall),
                ("precision", score.precision, self.precision),
            )
            if wanted is not None and reached < wanted
        ]


def _try(clip: Clip, tried: Tried, folder: TryFolder, start: datetime, asked: _Asked) -> int:
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
    done = _Done(outcome, clip, tried, took_s, warnings)
    return _tell(done, folder, asked)


@dataclass(frozen=True, slots=True)
class _Done:
    outcome: Outcome
    clip: Clip
    tried: Tried
    took_s: float
    warnings: list[str]


def _tell(done: _Done, folder: TryFolder, asked: _Asked) -> int:
    from rich.console import Console

    from edge.trying.folder import EVENTS, SUMMARY, TIMELINE
    from edge.trying.scoring import print_score, score_of
    from edge.trying.summary import print_outcome, summary_of
    from edge.trying.timeline import write_timeline

    outcome, tried, took_s = done.outcome, done.tried, done.took_s
    summary = summary_of(outcome, done.clip, tried, took_s=took_s, warnings=done.warnings)
    score = None
    if asked.truths is not None:
        score = score_of(outcome.course, asked.truths, tried.watches, look_every_s=tried.camera.look_every_s)
        summary["score"] = score.as_json()
    try:
        folder.write_summary(summary)
        shown = outcome.course.watches_of(tried.camera, tried.watches)
        write_timeline(folder.root / TIMELINE, outcome.course, shown)
    except OSError as error:
        raise UserError(f"{folder.root}: cannot be written: {error.strerror}") from None
    console = Console()
    print_outcome(console, outcome, tried, took_s=took_s)
    if score is not None:
        print_score(console, score)
    console.print(f"written to {folder.root}: {EVENTS}, evidence, {TIMELINE}, {SUMMARY}", highlight=False)
    problems = _problems(outcome) + ([] if score is None else asked.shortfalls(score))
    for problem in problems:
        typer.secho(problem, err=True, fg=typer.colors.RED)
    if outcome.stopped:
        typer.secho(f"stopped after {outcome.course.passed_s:.0f} s of the clip", err=True, fg=typer.colors.YELLOW)
        return 130
    return 1 if problems else 0


def _problems(outcome: Outcome) -> list[str]:
    problems = []
    for fault, times in outcome.course.faults.items():
        typer.secho(f"not judged in {times} looks: {fault}", err=True, fg=typer.colors.YELLOW)
    if outcome.fault is not None:
        problems.append(f"the clip ends early, after {outcome.course.passed_s:.0f} s: {outcome.fault}")
    elif not outcome.course.looks_s and not outcome.stopped:
        problems.append("no look could be judged")
    return problems


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
