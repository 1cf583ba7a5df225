"""``streetcase ingest dead-letters``: what could not be taken, and why; try it again, or drop it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.told import UserError, print_json, told

if TYPE_CHECKING:
    from ingest.entries import DeadLetter
    from ingest.letter_box import LetterBox
    from ingest.tool_settings import StreamSettings

LIST_LENGTH = 100
ID_WIDTH, REASON_WIDTH = 20, 60

dead_letters_app = typer.Typer(
    no_args_is_help=True,
    help="Events that the API, or a sink, would not take. Settings: STREETCASE_REDIS_URL, STREETCASE_STREAM_PREFIX.",
)

OfSink = Annotated[str | None, typer.Option("--sink", help="Those of this sink, not of the API.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids, as `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
ReasonContains = Annotated[str | None, typer.Option(help="With --all: only where the reason holds these words.")]


@dead_letters_app.command("list")
def list_letters(
    sink: OfSink = None,
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the oldest first.")] = LIST_LENGTH,
) -> None:
    """List dead letters, the oldest first."""
    with _box(sink) as (box, _):
        from itertools import islice

        from ingest.letter_box import described

        letters = list(islice(box.all(), limit))
        if as_json:
            print_json([described(letter, whole=False) for letter in letters])
            return
        _print_table(letters)
        if (count := box.count()) > len(letters):
            typer.echo(f"and {count - len(letters):,} more: --limit shows them")


@dead_letters_app.command()
def show(
    letter_id: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    sink: OfSink = None,
    as_json: AsJson = False,
) -> None:
    """Show all about one dead letter, with its event."""
    with _box(sink) as (box, _):
        from ingest.letter_box import described, event_text

        [letter] = box.found([letter_id])
        if as_json:
            print_json(described(letter, whole=True))
            return
        for name, value in described(letter, whole=False).items():
            typer.echo(f"{name}: {value}")
        typer.echo(event_text(letter))


@dead_letters_app.command()
def replay(
    letter_ids: Ids = None,
    everything: All = False,
    reason_contains: ReasonContains = None,
    sink: OfSink = None,
) -> None:
    """Put dead letters back, to be tried once more; what fails again comes back here."""
    with _box(sink) as (box, _):
        letters = _chosen(box, letter_ids, everything=everything, reason_contains=reason_contains)
        done = sum(box.letters.replay(letter.letter_id) for letter in letters)
        typer.echo(f"{done:,} put back{_others_were_quicker(len(letters) - done)}")


@dead_letters_app.command()
def drop(
    letter_ids: Ids = None,
    *,
    everything: All = False,
    reason_contains: ReasonContains = None,
    sink: OfSink = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    archive: Annotated[Path | None, typer.Option(help="The archive; else STREETCASE_ARCHIVE_DIR.")] = None,
) -> None:
    """Drop dead letters; each is written into the archive's folder `dropped` before."""
    with _box(sink) as (box, settings):
        from ingest.settled import ArchiveUnavailable

        archive_dir = archive or settings.archive_dir
        if archive_dir is None:
            raise UserError("what is dropped is written down first: give --archive DIR or set STREETCASE_ARCHIVE_DIR")
        letters = _chosen(box, letter_ids, everything=everything, reason_contains=reason_contains)
        if letters:
            _ask(len(letters), yes=yes)
        with told(ArchiveUnavailable):
            done = box.drop(letters, archive_dir=archive_dir, dropped_by=_who())
        typer.echo(f"{done:,} dropped{_others_were_quicker(len(letters) - done)}")


@contextmanager
def _box(sink: str | None) -> Iterator[tuple[LetterBox, StreamSettings]]:
    """Yields the dead letters, of the API or of a sink; what a user can mend is told in a line."""
    with told():
        from ingest.letter_box import LetterBox, NoSuchLetter, NoSuchSink
        from ingest.redis_link import StreamError, connect
        from ingest.settings import SettingsError
        from ingest.tool_settings import StreamSettings

        with told(SettingsError, StreamError, NoSuchSink, NoSuchLetter):
            settings = StreamSettings.from_environment(os.environ)
            client = connect(settings.redis_url)
            try:
                yield LetterBox.open(client, prefix=settings.stream_prefix, sink=sink), settings
            finally:
                client.close()


def _chosen(
    box: LetterBox, letter_ids: list[str] | None, *, everything: bool, reason_contains: str | None
) -> list[DeadLetter]:
    if bool(letter_ids) == everything:
        raise UserError("say which: ids, as `list` shows them, or --all")
    if not everything:
        if reason_contains is not None:
            raise UserError("--reason-contains goes with --all")
        return box.found(letter_ids or [])
    return [letter for letter in box.all() if (reason_contains or "") in letter.reason]


def _ask(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"this drops {count:,} dead letters; without a terminal to ask on, say --yes")
    typer.confirm(f"drop {count:,} dead letters?", abort=True)


def _others_were_quicker(count: int) -> str:
    return f"; {count:,} were gone meanwhile" if count else ""


def _who() -> str:
    return os.environ.get("USER") or f"uid {os.getuid()}"


def _print_table(letters: list[DeadLetter]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ingest.letter_box import age, described

    if not letters:
        typer.echo("no dead letters")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "edge", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("reason", "age", "attempts"):
        table.add_column(heading)
    for letter in letters:
        about = described(letter, whole=False)
        cells = (about["id"], about["edge_id"], about["kind"], about["reason"], age(letter), about["attempts"])
        table.add_row(*(Text(str(cell if cell is not None else "?")) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
