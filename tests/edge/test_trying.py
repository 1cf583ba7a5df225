"""`edge try`: a clip goes through the whole edge on its own clock, and what is wrong is told in a line."""

from __future__ import annotations

import json
import os
import threading
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml
from typer.testing import CliRunner, Result

from detectors.base import FrameDetector, Image
from edge.configuration.load import ConfigurationError
from edge.processes.building import Detectors
from edge.trying.course import Course
from edge.trying.folder import TryFolder
from edge.trying.media_time import MediaClock
from edge.trying.run import ClipTry, Outcome
from edge.trying.watches import watches_to_try
from ingest.contract import Event, EvidenceRole, Phase
from streetcase.cli import app
from tests.edge.fakes import car
from tests.edge.running import PARKING, standing_clip
from tests.edge.test_looks import ScriptedDetector

START = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, street_picture: Image) -> Path:
    """Forty seconds in which a truck and a car stand."""
    return standing_clip(tmp_path_factory.mktemp("clip") / "yard.mp4", street_picture, seconds=40)


def _watches(folder: Path, document: object = None) -> Path:
    file = folder / "watches.yaml"
    watch = {key: value for key, value in PARKING.items() if key != "camera"}
    file.write_text(yaml.safe_dump(document or {"watches": [watch]}, sort_keys=False), encoding="utf-8")
    return file


def _try(clip: Path, watches: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["edge", "try", str(clip), str(watches), "--out", str(out), *options])


def _events(out: Path) -> list[Event]:
    return [Event.model_validate_json(line) for line in (out / "events.jsonl").read_text().splitlines()]


def _summary(out: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return summary


def test_what_stays_in_a_clip_is_raised_at_the_time_of_the_clip(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    result = _try(clip, _watches(tmp_path), out, "--start", "2026-06-01T08:00:00+08:00", "--look-every-s", "4")

    assert result.exit_code == 0, result.output
    events = _events(out)
    assert [(e.phase, e.occurred_at) for e in events] == [(Phase.RAISED, START + timedelta(seconds=12))] * 2
    assert {e.first_seen_at for e in events} == {START}
    names = {path.name for path in (out / "evidence").iterdir()}
    assert {"parking-1-start-00m00s.jpg", "parking-1-confirm-00m12s.jpg", "parking-2-crop-00m12s.jpg"} <= names
    assert {role for e in events for role in (item.role for item in e.evidence)} == {
        EvidenceRole.START,
        EvidenceRole.CONFIRM,
        EvidenceRole.CROP,
    }
    summary = _summary(out)
    assert (summary["looks"], summary["detector_runs"] <= 10, summary["fault"]) == (10, True, None)
    assert [i["raised_s"] for i in summary["incidents"]] == [12.0, 12.0]
    timeline = cv2.imread(str(out / "timeline.png"))
    assert timeline is not None
    assert timeline.shape[1] == 1400
    assert {path.name for path in out.iterdir()} == {"events.jsonl", "evidence", "summary.json", "timeline.png"}
    assert "10 looks" in result.output


def test_of_a_whole_edge_the_clip_stands_for_one_camera_and_no_secret_is_needed(clip: Path, tmp_path: Path) -> None:
    watches = _watches(
        tmp_path,
        {
            "edge_id": "corner-7",
            "centre": {"url": "https://centre.example", "key_env": "KEY"},
            "cameras": [
                {"id": "yard", "url": "rtsp://${USER_OF_YARD}@192.0.2.7/a", "look_every_s": 2},
                {"id": "gate", "url": "rtsp://192.0.2.8/b"},
            ],
            "brokers": [{"id": "site", "host": "192.0.2.9", "password_env": "NOT_THERE"}],
            "watches": [PARKING, {**PARKING, "id": "parking-gate", "camera": "gate"}],
        },
    )

    tried = watches_to_try(watches, clip, camera_id="yard")

    assert (tried.edge_id, tried.camera.url, tried.camera.look_every_s) == ("corner-7", str(clip), 2)
    assert ([w.id for w in tried.watches], tried.left_out) == (["parking"], ("parking-gate",))
    unsaid = _try(clip, watches, tmp_path / "out")
    assert (unsaid.exit_code, "say which with --camera; there is: yard, gate" in unsaid.output) == (2, True)
    assert not (tmp_path / "out").exists()


def test_of_a_camera_that_turns_the_clip_shows_one_preset(clip: Path, tmp_path: Path) -> None:
    presets = [{**PARKING, "id": f"parking-{name}", "preset": name} for name in ("north", "south")]
    watches = _watches(tmp_path, {"watches": presets})

    tried = watches_to_try(watches, clip, preset="south")

    assert [(watch.id, watch.preset) for watch in tried.watches] == [("parking-south", None)]
    with pytest.raises(ConfigurationError, match="say which with --preset; there is: north, south"):
        watches_to_try(watches, clip)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["trukc"]}, "line 19: watches[0].labels[0]: the detector has no label 'trukc'"),
        ({"grace_s": 1}, "line 17: watches[0].grace_s: 1 s is less than two looks"),
        ({"dwel_s": 1}, "unknown key; did you mean 'dwell_s'?"),
        ({"sensor": "gauge"}, "line 2: watches[0]: a watch of a sensor has no zone"),
    ],
    ids=["label", "grace", "key", "sensor"],
)
def test_a_mistake_in_the_watches_is_named_with_its_line(
    clip: Path, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    watch = {key: value for key, value in {**PARKING, **change}.items() if key != "camera"}

    result = _try(clip, _watches(tmp_path, {"watches": [watch]}), tmp_path / "out")

    assert result.exit_code == 2
    assert "watches.yaml: line" in result.output
    assert says in result.output


def test_a_file_without_watches_is_told_what_it_lacks(clip: Path, tmp_path: Path) -> None:
    result = _try(clip, _watches(tmp_path, {"watchs": []}), tmp_path / "out")

    assert (result.exit_code, "line 1: watchs: unknown key; did you mean 'watches'?" in result.output) == (2, True)
    empty = _try(clip, _watches(tmp_path, {"watches": []}), tmp_path / "out")
    assert (empty.exit_code, "watches: expected one watch or more" in empty.output) == (2, True)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), (b"", "cannot be read as video"), (b"no video at all" * 99, "cannot be read as video")],
    ids=["missing", "empty", "text"],
)
def test_what_is_no_clip_is_told_in_a_line(tmp_path: Path, content: bytes | None, says: str) -> None:
    clip = tmp_path / "clip.mp4"
    if content is not None:
        clip.write_bytes(content)

    result = _try(clip, _watches(tmp_path), tmp_path / "out")

    assert (result.exit_code, says in result.output, "Traceback" in result.output) == (2, True, False)


def test_a_recording_without_pictures_is_told_in_a_line(tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))

    for clip, says in ((sound, "sound.wav: holds no video"), (tmp_path, "is no file")):
        result = _try(clip, _watches(tmp_path), tmp_path / "out")

        assert (result.exit_code, says in result.output) == (2, True), result.output


def test_a_stream_is_no_clip(tmp_path: Path) -> None:
    result = _try(Path("rtsp://viewer:s3cret@192.0.2.7/a"), _watches(tmp_path), tmp_path / "out")

    assert (result.exit_code, "not a stream" in result.output, "s3cret" in result.output) == (2, True, False)


def test_a_folder_with_something_in_it_is_left_alone(clip: Path, tmp_path: Path) -> None:
    for name, options, says in (
        ("notes.txt", (), "is not empty"),
        ("outbox.sqlite", ("--overwrite",), "is the data folder of an edge"),
    ):
        out = tmp_path / name.replace(".", "-")
        out.mkdir()
        (out / name).write_text("mine")

        result = _try(clip, _watches(tmp_path), out, *options)

        assert (result.exit_code, says in result.output) == (2, True)
        assert [path.name for path in out.iterdir()] == [name]


def test_the_clip_begins_when_it_was_made(tmp_path: Path, clip: Path) -> None:
    from edge.trying.clip import open_clip

    copy = tmp_path / "clip.mp4"
    copy.write_bytes(clip.read_bytes())
    os.utime(copy, (START.timestamp(), START.timestamp()))

    assert open_clip(copy).taken_at == START
    assert open_clip(copy).seconds == pytest.approx(40, abs=0.1)


class _Scripted(Detectors):
    """Every detector sees the same car all the time."""

    def get(self, choice: dict[str, object]) -> FrameDetector:
        return DETECTOR


DETECTOR = ScriptedDetector([car((0.75, 0.12, 0.85, 0.2))])


def _run(clip: Path, folder: Path, *, stop_after: int = 1000, **change: object) -> tuple[Outcome, Path]:
    watch = {**PARKING, "labels": ["car"], **change}
    tried = watches_to_try(_watches(folder, {"watches": [watch]}), clip)
    stop = threading.Event()

    def after_look(course: Course) -> None:
        if len(course.looks_s) >= stop_after:
            stop.set()

    out = TryFolder(folder / "out")
    outcome = ClipTry(tried, start=START, folder=out, detectors=_Scripted()).run(stop=stop, after_look=after_look)
    return outcome, out.root


def test_who_stops_it_keeps_what_was_found_so_far(clip: Path, tmp_path: Path) -> None:
    outcome, out = _run(clip, tmp_path, stop_after=5)

    assert (outcome.stopped, outcome.course.looks_s) == (True, [0.0, 4.0, 8.0, 12.0, 16.0])
    assert [event.phase for event in _events(out)] == [Phase.RAISED]
    assert len(list((out / "evidence").glob("*.jpg"))) == 3


def test_a_clip_that_is_shorter_than_the_dwell_is_told(clip: Path, tmp_path: Path) -> None:
    watches = _watches(tmp_path, {"watches": [{**PARKING, "dwell_s": 300}]})

    result = _try(clip, watches, tmp_path / "out", "--look-every-s", "7")

    assert result.exit_code == 0
    assert "watch parking raises nothing: it wants 300 s of staying, the clip has 40 s" in result.output
    assert _events(tmp_path / "out") == []


def test_a_clip_that_breaks_off_keeps_what_came_before(clip: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.ts"
    _as_ts(clip, torn)
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])

    outcome, out = _run(torn, tmp_path)

    assert 10 <= outcome.course.passed_s <= 30
    assert [event.phase for event in _events(out)] == [Phase.RAISED]


def _as_ts(clip: Path, to: Path) -> None:
    """Copies the packets into a container that can break off anywhere."""
    import av

    with av.open(clip) as source, av.open(to, "w", format="mpegts") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)


@pytest.mark.parametrize(
    ("media_s", "passed_s"),
    [
        ([0.0, 10.0, 20.0], 20.0),  # a frame each ten seconds
        ([None] * 26, 1.0),  # no timestamps: 25 a second
        ([0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0], 6.04),  # a loop plays on
        ([0.0, 0.12, 0.04, 0.08, 0.24], 0.24),  # B-frames
        ([5000.0, 5001.0], 1.0),
    ],
    ids=["slow", "no timestamps", "a loop", "B-frames", "a late start"],
)
def test_the_clock_follows_the_media_whatever_its_timestamps(media_s: list[float | None], passed_s: float) -> None:
    clock = MediaClock(START)
    pace = clock.pace_of(25)
    first = clock.now()

    for at_s in media_s:
        pace.wait(at_s)

    assert clock.passed_s == pytest.approx(passed_s)
    assert clock.now().since(first) == pytest.approx(passed_s, abs=1e-3)
