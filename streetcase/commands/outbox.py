"""``streetcase edge outbox``: what an edge has raised, what became of it, and sending it again."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.told import UserError, print_json, told

if TYPE_CHECKING:
    from edge.outbox.box import Outbox
    from edge.outbox.view import SeenEvent

outbox_app = typer.Typer(no_args_is_help=True, help="What the edge has raised: list it, show it, send it again.")

PIPE_WIDTH = 240

DataDir = Annotated[Path, typer.Option("--data-dir", help="The edge's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class State(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    HELD = "held"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@outbox_app.command("list")
def list_events(
    data_dir: DataDir = Path("edge-data"),
    state: Annotated[State | None, typer.Option(help="Only events in this state.")] = None,
    incident: Annotated[str | None, typer.Option(help="Only events of this incident.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List events, the newest first: what they are, how they stand, what the gateway answered. Changes nothing."""
    with told():
        from edge.outbox.box import OutboxError
        from edge.outbox.view import viewed

        with told(OutboxError), viewed(data_dir) as view:
            events = view.newest(state=state.value if state else None, incident_id=incident, limit=limit)
        if as_json:
            print_json([_document(event, whole=False) for event in events])
        else:
            _print_table(events)


@outbox_app.command()
def show(
    event_or_incident: Annotated[str, typer.Argument(metavar="EVENT_ID|INCIDENT_ID")],
    data_dir: DataDir = Path("edge-data"),
) -> None:
    """Show one event, or all of an incident, whole: the message, the answer, and which pictures are on this disk."""
    with told():
        from edge.outbox.box import OutboxError
        from edge.outbox.view import viewed

        with told(OutboxError), viewed(data_dir) as view:
            events = view.named(event_or_incident)
        if not events:
            raise UserError(f"{event_or_incident}: the outbox knows no event and no incident of this id")
        print_json([_document(event, whole=True) for event in events])


@outbox_app.command()
def resend(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[EVENT_ID]...")] = None,
    data_dir: DataDir = Path("edge-data"),
    since: Annotated[
        str | None, typer.Option(help="What was accepted from then on, like 2026-11-23T08:00:00Z.")
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="All that the centre held, a day over or not.")] = False,
    refused: Annotated[bool, typer.Option("--refused", help="All that was refused, once the cause is mended.")] = False,
) -> None:
    """Put events back in line; a running edge sends them at once, one that starts later then. Harmless to repeat."""
    with told():
        from edge.outbox.box import Outbox, OutboxError

        if sum([bool(event_ids), since is not None, held, refused]) != 1:
            raise UserError("say which events: their ids, or one of --since, --held and --refused")
        moment = None if since is None else _moment(since)
        with told(OutboxError):
            _check_known(data_dir, event_ids or [])
            outbox = Outbox(data_dir / "outbox.sqlite")
            try:
                count = _put_back(outbox, event_ids=event_ids or [], since=moment, held=held)
            finally:
                outbox.close()
        typer.echo(f"events put back in line: {count}")


def _put_back(outbox: Outbox, *, event_ids: list[str], since: datetime | None, held: bool) -> int:
    if event_ids:
        settled = (State.ACCEPTED, State.HELD, State.REFUSED, State.UNREADABLE)
        return sum(outbox.queue.put_back(state=state.value, event_ids=event_ids) for state in settled)
    if since is not None:
        return outbox.queue.send_again(since)
    return outbox.queue.put_back(state=State.HELD.value if held else State.REFUSED.value)


def _check_known(data_dir: Path, event_ids: list[str]) -> None:
    """Changes nothing where one id is wrong: half an order is none. Raises: UserError, OutboxError."""
    from edge.outbox.view import viewed

    with viewed(data_dir) as view:
        known = {event.event_id for event_id in event_ids for event in view.named(event_id)}
    unknown = sorted(set(event_ids) - known)
    if unknown:
        raise UserError(f"the outbox knows no event {', '.join(unknown)}; nothing was put back in line")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--since needs a time like 2026-11-23T08:00:00Z, got {text!r}") from None
    if moment.tzinfo is None:
        raise UserError(f"--since needs a time with its zone, like {text}Z or {text}+08:00")
    return moment


def _document(event: SeenEvent, *, whole: bool) -> dict[str, object]:
    document: dict[str, object] = {
        "event_id": event.event_id,
        "incident_id": event.incident_id,
        "source": event.source,
        "kind": event.told("kind"),
        "watch_id": event.told("watch_id"),
        "phase": event.told("phase"),
        "occurred_at": event.occurred_at.isoformat(),
        "added_at": event.added_at,
        "state": event.state,
        "answers": event.answers,
        "answered_at": event.answered_at,
        "reason": event.reason,
    }
    if whole:
        return document | {
            "evidence": [dataclasses.asdict(item) for item in event.evidence],
            "message": event.message,
        }
    return document | {"evidence": dict(event.evidence_states)}


def _print_table(events: list[SeenEvent]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("event", "age", "kind", "watch", "phase", "state", "answers", "reason", "pictures")
    now = datetime.now(UTC)
    for event in events:
        cells = (
            event.event_id,
            _age((now - event.occurred_at).total_seconds()),
            event.told("kind"),
            event.told("watch_id"),
            event.told("phase"),
            event.state,
            str(event.answers),
            event.reason or "",
            ", ".join(f"{count} {state}" for state, count in sorted(event.evidence_states.items())),
        )
        # As it is: brackets in a reason of the gateway's are no markup.
        table.add_row(*(Text(cell) for cell in cells))
    console = Console()
    # Ids are there to be copied: a pipe, which tells no width, gets them whole.
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)


def _age(seconds: float) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
