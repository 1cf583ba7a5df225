"""A configuration is checked whole; each problem names its line and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.configuration.load import ConfigurationError, load_configuration
from streetcase.cli import app

GOOD = """\
edge_id: corner-7
centre: {url: "https://centre.example:8001", key_env: STREETCASE_EDGE_KEY}
cameras:
  - id: yard
    url: rtsp://viewer:${CAM_PASSWORD}@192.0.2.7/stream
    look_every_s: 4
brokers:
  - {id: site, host: 192.0.2.9}
sensors:
  - {id: gauge, broker: site, topic: gauges/1, value: level}
watches:
  - id: parking
    kind: illegal-parking
    camera: yard
    zone: [[0, 0], [1, 0], [1, 1]]
    detector: {type: yolo, model: street}
    labels: [car]
  - id: flood
    kind: road-flooding
    sensor: gauge
    detector: {type: threshold, above: 0.15}
"""
BOMB = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)
)
ENVIRONMENT = {"CAM_PASSWORD": "s3cret"}


def _problems(tmp_path: Path, text: str, environment: dict[str, str] = ENVIRONMENT) -> list[str]:
    file = tmp_path / "edge.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file, environment)
    return [str(problem) for problem in refused.value.problems]


def test_a_good_file_is_loaded_with_values_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(GOOD, encoding="utf-8")

    configuration = load_configuration(file, ENVIRONMENT)

    assert configuration.cameras[0].url == "rtsp://viewer:s3cret@192.0.2.7/stream"
    assert [watch.id for watch in configuration.watches] == ["parking", "flood"]


@pytest.mark.parametrize(("written", "mode"), [("on", "on"), ("off", "off"), ("shadow", "shadow")])
def test_yaml_reads_on_and_off_as_truth_and_the_gate_does_not_mind(tmp_path: Path, written: str, mode: str) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(GOOD.replace("look_every_s: 4", f"gate: {{mode: {written}}}"), encoding="utf-8")

    assert load_configuration(file, ENVIRONMENT).cameras[0].gate.mode == mode


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("edge_id: corner-7", "edge_idd: corner-7", 1, "unknown key; did you mean 'edge_id'?"),
        ("look_every_s: 4", "lookevery: 4", 6, "unknown key; did you mean 'look_every_s'?"),
        ("look_every_s: 4", "gate: {mode: sometimes}", 6, "'on', 'off' or 'shadow'"),
        ("look_every_s: 4", "look_every_s: often", 6, "got 'often'"),
        ("look_every_s: 4", "look_every_s: .nan", 6, "look_every_s"),
        ("url: rtsp:", "transport: udp\n    url: http:", 5, "cameras[0].transport: udp is for an rtsp:// address only"),
        ("url: rtsp:", "url: rtp:", 5, "cameras[0].url: rtp:// cannot be read; expected rtsp://, "),
        ("url: rtsp:", "url: RTSP:", 5, "cameras[0].url: RTSP:// cannot be read"),
        ("url: rtsp://", "url: ", 5, "cameras[0].url: begins with no scheme"),
        ("look_every_s: 4", "substream: mmsh://192.0.2.7/x", 6, "cameras[0].substream: mmsh:// cannot be read"),
        ("zone: [[0, 0], [1, 0], [1, 1]]", "zone: [[0, 0], [1, 0]]", 15, "at least 3 items"),
        ("zone: [[0, 0], [1, 0], [1, 1]]", "zone: [[0, 0], [300, 0], [1, 1]]", 15, "less than or equal to 1"),
        ("    zone: [[0, 0], [1, 0], [1, 1]]\n", "", 12, "needs a zone"),
        ("model: street}", "modle: street}", 16, "unknown key; did you mean 'model'?"),
        ("model: street}", "model: strete}", 16, "no model named 'strete'"),
        ("model: street}", "model: street, input_size: 50}", 16, "multiple of 32"),
        ("labels: [car]", "labels: [car, trukc]", 17, "no label 'trukc'; did you mean 'truck'?"),
        ("    labels: [car]\n", "    kind_: x\n", 17, "unknown key; did you mean 'kind'?"),
        ("type: yolo", "type: yola", 16, "no detector 'yola'; installed: threshold, yolo"),
        ("above: 0.15", "above: high", 21, "got 'high'"),
        ("{type: threshold, above: 0.15}", "{type: yolo, model: street}", 21, "detector 'yolo' watches a camera"),
        ("camera: yard", "camera: yrad", 14, "no camera 'yrad'; there is: yard"),
        ("broker: site", "broker: sight", 10, "no broker 'sight'; there is: site"),
        ("id: flood", "id: parking", 18, "'parking' is taken already"),
        ("value: level}", "value: 'level['}", 10, "not a JMESPath expression"),
        ("value: level}", "value: nofunc(level)}", 10, "nofunc"),
        ("topic: gauges/1", "topic: gauges/#/1", 10, "not an MQTT topic filter"),
        ("zone: [[0, 0], [1, 0], [1, 1]]", "zone: [[0, 0], [1, 0], [0.5, 0]]", 15, "has no area"),
        ("labels: [car]", "grace_s: 7", 17, "7 s is less than two looks (8 s)"),
        ("edge_id: corner-7", "edge_id: 2024-13-45", 1, "not YAML"),
        ("kind: road-flooding", "kind: road flooding", 19, "should match pattern"),
        ("edge_id: corner-7", "edge_id: corner-7\ntime_zone: Asia/Lai'an", 2, "unknown time zone"),
        ("edge_id: corner-7", "edge_id: corner-7\nedge_id: corner-8", 2, "stands here a second time"),
        ("edge_id: corner-7", "edge_id: [corner-7", 2, "not YAML"),
        ("key_env: STREETCASE_EDGE_KEY", "key_env: A, key_file: b", 2, "either key_env or key_file"),
    ],
)
def test_each_mistake_is_named_with_its_line(tmp_path: Path, before: str, after: str, line: int, says: str) -> None:
    assert before in GOOD

    problems = _problems(tmp_path, GOOD.replace(before, after, 1))

    assert any(p.startswith(f"line {line}:") and says in p for p in problems), problems


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("look_every_s: 4", "look_every_s: 0").replace("above: 0.15", "abov: 1").replace("edge_id", "id")

    assert len(_problems(tmp_path, text)) >= 3


def test_a_variable_that_the_environment_lacks_is_a_problem_and_its_value_is_never_shown(tmp_path: Path) -> None:
    assert _problems(tmp_path, GOOD, {}) == [
        "line 5: cameras[0].url: the environment has no variable CAM_PASSWORD, or an empty one"
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "expected a mapping"),
        (b"- 1\n- 2\n", "expected a mapping"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: &a [*a]\n", "holds itself"),
        (b"a: !!python/object/apply:os.system ['true']\n", "not YAML"),
        (b"[" * 20_000, "nested too deeply"),
        (BOMB, "more than 500000 values"),
    ],
    ids=["empty", "a list", "not text", "holds itself", "code", "too deep", "aliases of aliases"],
)
def test_what_is_no_configuration_is_refused_in_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "edge.yaml"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=says):
        load_configuration(file, {})


def test_the_command_prints_the_problems_and_no_stack_trace(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(GOOD.replace("look_every_s: 4", "look_evry_s: 4"), encoding="utf-8")

    result = CliRunner().invoke(app, ["edge", "check", str(file)], env=ENVIRONMENT)

    assert result.exit_code == 2
    assert "line 6: cameras[0].look_evry_s: unknown key; did you mean 'look_every_s'?" in result.output
    assert "Traceback" not in result.output


def test_the_command_says_that_a_missing_file_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["edge", "check", str(tmp_path / "none.yaml")])

    assert result.exit_code == 2
    assert "No such file" in result.output


def test_a_watch_whose_detector_has_no_label_for_its_kind_is_a_problem_and_not_silence(tmp_path: Path) -> None:
    text = GOOD.replace("    labels: [car]\n", "").replace("kind: illegal-parking", "kind: grain-drying")

    [problem] = _problems(tmp_path, text)

    assert problem.startswith("line 13: watches[0].kind: the detector has no label for 'grain-drying'; name labels")


def test_what_stands_in_a_url_is_never_said_back(tmp_path: Path) -> None:
    text = GOOD.replace("https://centre.example:8001", "htp://user:s3cret@centre").replace(
        "url: rtsp", "url: " + "s3cret" * 400 + "rtsp"
    )

    problems = _problems(tmp_path, text)

    assert len(problems) == 2
    assert "s3cret" not in str(problems)


def test_values_may_be_merged_from_an_anchor(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        "edge_id: corner-7\ncameras:\n  - &yard {id: yard, url: a.mp4, look_every_s: 2}\n  - {<<: *yard, id: gate}\n",
        encoding="utf-8",
    )

    assert [c.look_every_s for c in load_configuration(file, {}).cameras] == [2, 2]
