"""Prints an edge's status for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.edge_messages import Backlog, CameraStatus, EdgeStatus, GroupStatus, WatchStatus

MOST_NAMED = 6


class StatusUnreadable(Exception):
    """The file is no status, or one of another version."""


def print_status(status_json: str) -> None:
    """Prints cameras, their groups, sensors, watches and backlog; ages are in seconds. Raises: StatusUnreadable."""
    try:
        status = EdgeStatus.model_validate_json(status_json)
    except ValidationError as error:
        raise StatusUnreadable(f"status.json is not a status of this version: {error.error_count()} errors") from None
    console = Console()
    age_s = (datetime.now(UTC) - status.sent_at).total_seconds()
    console.print(f"edge [bold]{status.edge_id}[/bold]  version {status.version}  status is {age_s:.0f} s old")
    if status.configuration_revision is not None:
        console.print(f"watches from the centre: revision {escape(status.configuration_revision)}")
    if status.configuration_fault is not None:
        console.print(f"[red]configuration not taken:[/red] {escape(status.configuration_fault)}")
    if status.file_fault is not None:
        console.print(f"[red]file not taken:[/red] {escape(status.file_fault)}")
    if status.metrics_fault is not None:
        console.print(f"[red]metrics not served:[/red] {escape(status.metrics_fault)}")
    cameras = _camera_table(status)
    groups = Table("process", "cameras", "restarts", "memory", "last beat", "looks shed", title="Groups")
    for group in status.groups:
        groups.add_row(
            "starting" if group.process_id is None else str(group.process_id),
            _in_short(group.cameras) + (" (suspected)" if group.suspected else ""),
            str(group.restarts),
            _of_ceiling(group),
            _ago(group.last_beat_at),
            f"{group.shed_share:.0%}",
        )
    sensors = Table("sensor", "readings", "refused", "last reading", "fault", title="Sensors")
    for sensor in status.sensors:
        sensors.add_row(
            sensor.id, str(sensor.readings), str(sensor.refused), _ago(sensor.last_reading_at), sensor.fault or ""
        )
    watches = Table("watch", "judged", "with findings", "open incidents", title="Watches")
    for watch in status.watches:
        watches.add_row(watch.id, str(watch.judged), str(watch.with_findings), str(watch.open_incidents))
    for table in (cameras, groups, sensors, watches):
        console.print(table)
    _print_undecided(console, status.watches)
    for group in status.groups:
        if group.last_death is not None:
            console.print(f"[red]last death[/red] of {_in_short(group.cameras)}: {escape(group.last_death)}")
    for aside in status.set_aside:
        again_s = (aside.again_at - datetime.now(UTC)).total_seconds()
        console.print(
            f"[red]set aside:[/red] camera {escape(aside.camera)}, {escape(aside.reason)}; "
            f"tried again in {max(0.0, again_s) / 60:.0f} minutes"
        )
    _print_backlog(console, status.backlog)


def _camera_table(status: EdgeStatus) -> Table:
    """Fits 100 columns; ``gated`` are looks that needed no detector."""
    table = Table(title="Cameras")
    for name in ("camera", "state", "looks", "gated", "last look", "reads", "fault"):
        table.add_column(name, overflow="fold", no_wrap=name in ("state", "looks", "gated", "last look"))
    aside = {one.camera for one in status.set_aside}
    for camera in status.cameras:
        table.add_row(
            camera.id,
            "set aside" if camera.id in aside else camera.state.value,
            str(camera.looks),
            f"{camera.gated} ({camera.gated / camera.looks:.0%})" if camera.looks else "0",
            _ago(camera.last_look_at),
            _reads(camera),
            escape(camera.fault or camera.degraded or ""),
        )
    return table


def _reads(camera: CameraStatus) -> str:
    """How a camera is read, how often its keyframes come, and the share of one core that decoding takes."""
    if camera.reading_by is None or camera.keyframe_every_s is None or camera.decode_share is None:
        return camera.reading_by or ""
    return f"{camera.reading_by} each {camera.keyframe_every_s:.1f} s, {camera.decode_share:.1%} of a core"


def _print_backlog(console: Console, backlog: Backlog) -> None:
    console.print(
        f"waiting: {backlog.events} events, {backlog.evidence_items} pictures ({backlog.evidence_bytes / 1e6:.1f} MB); "
        f"held {backlog.held}, refused {backlog.refused}, sacrificed {backlog.sacrificed}"
    )
    if backlog.used_bytes is not None and backlog.budget_bytes is not None:
        console.print(f"on the disk: {backlog.used_bytes / 1e6:.1f} of {backlog.budget_bytes / 1e6:.0f} MB")
    if backlog.uncommitted:
        console.print(f"[red]not on the disk yet:[/red] {backlog.uncommitted} changes")
    if backlog.fault is not None:
        console.print(f"[red]disk:[/red] {escape(backlog.fault)}")


def _print_undecided(console: Console, watches: Sequence[WatchStatus]) -> None:
    for watch in watches:
        if watch.looks_apart_s is not None:
            apart = f"its looks are {watch.looks_apart_s:.0f} s apart, more than its grace_s"
            console.print(f"[red]cannot decide:[/red] watch {escape(watch.id)}, {apart}")


def _in_short(cameras: Sequence[str]) -> str:
    first = escape(", ".join(cameras[:MOST_NAMED]))
    return first if len(cameras) <= MOST_NAMED else f"{first} and {len(cameras) - MOST_NAMED} more"


def _of_ceiling(group: GroupStatus) -> str:
    if group.memory_mb is None or group.memory_ceiling_mb is None:
        return ""
    return f"{group.memory_mb:.0f} of {group.memory_ceiling_mb:.0f} MB"


def _ago(moment: datetime | None) -> str:
    return "never" if moment is None else f"{(datetime.now(UTC) - moment).total_seconds():.0f} s ago"
