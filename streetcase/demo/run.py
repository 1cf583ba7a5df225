"""The demo: a street clip as a live camera and two sensors, through everything, to a confirmed case."""

from __future__ import annotations

import json
import string
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.edge_messages import CameraState, EdgeStatus
from streetcase.all_in_one import AllInOne, Ports, free_port
from streetcase.children import Child, Children
from streetcase.demo.expectation import EXPECTED_KINDS, MIN_LOOKS, Played, shortcomings
from streetcase.demo.footage import Footage, footage
from streetcase.demo.operator import DemoCase, Operator
from streetcase.demo.scene import render_scene
from streetcase.demo.sensors import publish_until
from streetcase.demo.tables import print_cases, print_confirmation, print_way
from streetcase.stopping import stop_on_signals
from streetcase.told import UserError

AT_MOST_S = 150.0
LOOKS_IN_CLIP = 40
SETTLE_S = 20.0

console = Console()


def run_demo(*, out: Path, json_file: Path, rendered: bool) -> int:
    """Plays the demo and returns the exit code: 0 when exactly the expected cases came out."""
    cache = Path(platformdirs.user_cache_dir("streetcase"))
    clip = _drawn(cache) if rendered else footage(cache, console.print)
    console.print(f"playing {clip.path.name} ({clip.origin}) as a live camera, and two MQTT sensors")
    with tempfile.TemporaryDirectory(prefix="streetcase-demo-") as folder, stop_on_signals() as stop:
        return _play(Path(folder), clip, out=out, json_file=json_file, stop=stop)


def _drawn(cache: Path) -> Footage:
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "rendered-street.mp4"
    with console.status("drawing the street"):
        render_scene(path)
    return Footage(path=path, origin="rendered")


def _play(folder: Path, clip: Footage, *, out: Path, json_file: Path, stop: threading.Event) -> int:
    mqtt_port = free_port()
    ports = Ports(api=free_port(), gateway=free_port())
    edge_file = _edge_file(folder, clip.path, mqtt_port=mqtt_port, gateway_port=ports.gateway)
    with _broker(folder / "logs", mqtt_port):
        parts = AllInOne(folder / "centre", host="127.0.0.1", ports=ports, edge_file=edge_file)
        with console.status("starting stream, API, gateway, worker and edge"):
            parts.start(say=lambda _: None, stop=stop)
        try:
            operator = Operator(parts.api_url, administrator_password=str(parts.first_start.administrator_password))
            with _sensors(mqtt_port):
                status = _watch(parts, operator, folder / "edge" / "status.json", stop)
            if status is None:
                console.print("stopped")
                return 130
            return _tell(operator, _played(status), out=out, json_file=json_file)
        finally:
            parts.stop()


def _edge_file(folder: Path, clip: Path, *, mqtt_port: int, gateway_port: int) -> Path:
    template = string.Template((files("streetcase.demo") / "edge.yaml").read_text(encoding="utf-8"))
    path = folder / "edge.yaml"
    values = {"clip": clip, "mqtt_port": mqtt_port, "gateway_port": gateway_port, "data_dir": folder / "edge"}
    path.write_text(template.safe_substitute(values), encoding="utf-8")
    return path


@contextmanager
def _broker(logs: Path, port: int) -> Iterator[None]:
    children = Children(logs, console.print)
    try:
        children.start(
            Child("mqtt-broker", [sys.executable, "-m", "streetcase.demo.broker", str(port)], {}, ready_port=port)
        )
        yield
    finally:
        children.stop()


@contextmanager
def _sensors(port: int) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=publish_until, args=(stop, port), name="demo-sensors")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _watch(parts: AllInOne, operator: Operator, status_file: Path, stop: threading.Event) -> EdgeStatus | None:
    """Shows progress until everything has arrived; None when stopped. Raises: UserError: It took too long."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[cases]}"), TimeElapsedColumn())
    deadline = time.monotonic() + AT_MOST_S
    status: EdgeStatus | None = None
    settled_since: float | None = None
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task("looking", total=LOOKS_IN_CLIP, cases="")
        while not stop.wait(1.0):
            parts.tend()
            status = _read_status(status_file)
            cases = operator.cases()
            if status is not None and status.cameras:
                text = ", ".join(case.kind for case in cases) or "no case yet"
                looks = status.cameras[0].looks
                progress.update(task, completed=looks, description=f"{looks} looks", cases=text)
                if _is_over(status):
                    settled_since = settled_since or time.monotonic()
                    if _has_arrived(cases) or time.monotonic() - settled_since > SETTLE_S:
                        progress.update(task, completed=LOOKS_IN_CLIP)
                        break
            if time.monotonic() > deadline:
                raise UserError(f"the demo was not over after {AT_MOST_S:.0f} s; the last status: {status}")
    return None if stop.is_set() else status


def _read_status(file: Path) -> EdgeStatus | None:
    try:
        return EdgeStatus.model_validate_json(file.read_bytes())
    except OSError:
        return None


def _is_over(status: EdgeStatus) -> bool:
    backlog = status.backlog
    sensors_quiet = all(not w.open_incidents for w in status.watches if w.id.startswith(("manhole", "flooding")))
    ended = status.cameras[0].state is CameraState.ENDED
    return ended and sensors_quiet and not backlog.events and not backlog.evidence_items


def _has_arrived(cases: Sequence[DemoCase]) -> bool:
    """The stream behind the gateway has been worked off, as far as the expected cases tell."""
    if {case.kind for case in cases} != set(EXPECTED_KINDS):
        return False
    return all(case.is_gone or case.kind == "illegal-parking" for case in cases)


def _played(status: EdgeStatus) -> Played:
    persons = next((w.with_findings for w in status.watches if w.id == "loiterers-path"), 0)
    camera = status.cameras[0]
    return Played(looks=camera.looks, person_looks_with_findings=persons, camera_state=camera.state.value)


def _tell(operator: Operator, played: Played, *, out: Path, json_file: Path) -> int:
    cases = operator.cases()
    evidence = {case.id: operator.save_evidence(case, out) for case in cases}
    print_cases(console, cases, evidence)
    console.print(
        f"{played.looks} looks ({MIN_LOOKS} or more expected); persons on the paths in "
        f"{played.person_looks_with_findings} of them, and nobody stayed"
    )
    parking = next((case for case in cases if case.kind == "illegal-parking"), None)
    result: dict[str, object] = {
        "cases": [_as_json(case) for case in cases],
        "looks": played.looks,
        "person_looks_with_findings": played.person_looks_with_findings,
    }
    if parking is not None:
        print_way(console, parking)
        filed = operator.confirm(parking)
        print_confirmation(console, filed, operator.history(parking))
        result["confirmed"] = {"kind": parking.kind, "number": filed["number"], "state": filed["state"]}
    wrong = shortcomings(cases, played)
    result["shortcomings"] = wrong
    json_file.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(f"written: {json_file}, pictures in {out}/")
    for sentence in wrong:
        console.print(f"[red]not as expected:[/red] {sentence}")
    return 1 if wrong else 0


def _as_json(case: DemoCase) -> dict[str, object]:
    return {
        "kind": case.kind,
        "incidents": len(case.detail["incidents"]),
        "reports": len(case.reports),
        "gone": case.is_gone,
        "evidence": sum(item["state"] == "present" for item in case.detail["evidence"]),
    }
