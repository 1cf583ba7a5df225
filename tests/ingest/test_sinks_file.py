"""The file of sinks is checked whole: each problem names its line and what was expected, and shows no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest.sinks import SinksError, sink_names
from ingest.sinks.file import read_sinks
from ingest.sinks.registry import known_types
from streetcase.commands.ingest import ingest_app

GOOD = """
sinks:
  - name: ops
    type: webhook
    url: https://ops.example/hooks/hush-path
    secret_env: OPS_SECRET
    phases: [raised, cleared]
  - name: neighbour
    type: open311
    url: https://311.example/open311/v2
    jurisdiction_id: neighbour.example
    service_codes: {street-encroachment: "042"}
    api_key_file: neighbour.key
  - name: plant
    type: mqtt
    host: broker.example
    tls: true
    topic: city/{edge_id}/{kind}/{phase}
    username: streetcase
    password_env: PLANT_PASSWORD
    kinds: [manhole-cover-open]
"""
SECRET = "whsec_" + "A" * 32


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "sinks.yaml"
    file.write_text(GOOD)
    (tmp_path / "neighbour.key").write_text("key\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPS_SECRET", SECRET)
    monkeypatch.setenv("PLANT_PASSWORD", "hush")
    return file


def check(*arguments: str) -> Result:
    return CliRunner().invoke(ingest_app, ["sinks", "--check", *arguments])


def test_a_good_file_names_its_sinks_in_order(file: Path) -> None:
    assert sink_names(file) == ["ops", "neighbour", "plant"]


def test_no_file_means_no_sinks() -> None:
    assert sink_names(None) == []


def test_the_names_need_none_of_the_secrets(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPS_SECRET")
    assert len(sink_names(file)) == 3


def test_check_says_what_would_run_without_secrets(file: Path) -> None:
    done = check("--file", str(file))
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "ops: webhook to https://ops.example; all kinds; raised, cleared",
            "neighbour: open311 to https://311.example; street-encroachment; raised",
            "plant: mqtt to broker.example:8883 city/{edge_id}/{kind}/{phase}; manhole-cover-open; all phases",
            "good. Sinks: 3",
        ],
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("ops.example/hooks/hush-path", "line 5: sink ops: url: expected an address that begins with https://"),
        ("ftp://ops.example", "line 5: sink ops: url: expected an address that begins with https://"),
        ("https://li:hush@ops.example", "line 5: sink ops: url: expected an address without user and password"),
        ("https://ops.example:x", "line 5: sink ops: url: "),
    ],
)
def test_an_address_that_does_not_fit_is_told_without_showing_it(file: Path, wrong: str, said: str) -> None:
    file.write_text(GOOD.replace("https://ops.example/hooks/hush-path", wrong))
    with pytest.raises(SinksError) as caught:
        sink_names(file)
    assert str(caught.value).startswith(f"{file}, {said}")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("secret_env: OPS_SECRET", "secret: hush", "line 6: sink ops: secret: unknown key; expected name, type, kinds"),
        ("    secret_env: OPS_SECRET\n", "", "line 3: sink ops: expected secret_env (a variable of the environment)"),
        ("secret_env: OPS_SECRET", "secret_env: A\n    secret_file: b", "line 3: sink ops: expected one of secret_env"),
        ("type: webhook", "type: web", "line 4: sink ops: no sink of type 'web'; installed: mqtt, open311, webhook"),
        ("    type: webhook\n", "", "line 3: sink ops: type is missing; expected one of mqtt, open311, webhook"),
        ("phases: [raised, cleared]", "phases: [risen]", "line 7: sink ops: phases.0: Input should be 'raised'"),
        ("phases: [raised, cleared]", "phases: []", "line 7: sink ops: phases: List should have at least 1 item"),
        ("name: plant", "name: ops", "line 14: sink ops: the name stands there a second time"),
        ("name: plant", "name: a b", "line 14: sink a b: name: String should match pattern"),
        ("name: plant\n    type: mqtt", "type: mqtt", "line 14: name: Field required"),
        ('{street-encroachment: "042"}', "{}", "line 12: sink neighbour: service_codes: Dictionary should have"),
        ('{street-encroachment: "042"}', "{street-encroachment: 42}", "line 12: sink neighbour: service_codes.street"),
        ("api_key_file: neighbour.key", "api_key_env: K\n    phases: [cleared]", "line 8: sink neighbour: phases: exp"),
        ("api_key_file: neighbour.key", "api_key_env: K\n    kinds: [burning]", "line 8: sink neighbour: kinds: expec"),
        ("tls: true", "ca_file: a.pem", "line 14: sink plant: ca_file goes with tls: true"),
        ("    username: streetcase\n", "", "line 14: sink plant: expected a username beside the password"),
        ("city/{edge_id}/", "city/{edge}/", "line 18: sink plant: topic: expected a text with words in braces out of"),
        ("city/{edge_id}/", "city/{kind.__class__}/", "line 18: sink plant: topic: expected a text with words in"),
        ("city/{edge_id}/", "city/{edge_id!r}/", "line 18: sink plant: topic: expected a text with words in braces"),
        ("city/{edge_id}/", "city/{edge_id/", "line 18: sink plant: topic: expected a text with words in braces"),
        ("city/{edge_id}/", "city/#/", "line 18: sink plant: topic: expected a topic to publish to"),
        ("    host: broker.example\n", "    host: [\n", "line 18: not YAML: expected"),
        ("sinks:", "sink:", "line 2: expected `sinks:` and a list below it"),
        ("sinks:", "more: 1\nsinks:", "line 2: unknown key more; expected only sinks"),
    ],
)
def test_each_problem_names_its_line_and_what_was_expected(file: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(SinksError) as caught:
        sink_names(file)
    assert str(caught.value).startswith(f"{file}, {said}")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "7", "sinks:", "sinks: {}", "sinks: [7]", "- a", "sinks: [*a]", "\0", "? [a]: b"])
def test_what_is_no_file_of_sinks_is_told(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(SinksError, match=r"sinks\.yaml"):
        read_sinks(file)


def test_all_problems_are_told_at_once(file: Path) -> None:
    file.write_text(GOOD.replace("https://ops", "ops").replace("tls: true", "tls: perhaps"))
    with pytest.raises(SinksError) as caught:
        sink_names(file)
    told = [line.split(": ")[1:3] for line in str(caught.value).splitlines()]
    assert told == [["sink ops", "url"], ["sink plant", "tls"]]


@pytest.mark.parametrize("where", ["nothing.yaml", "."])
def test_a_file_that_cannot_be_read_is_told(file: Path, where: str) -> None:
    with pytest.raises(SinksError, match="cannot be read"):
        sink_names(file.parent / where)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("OPS_SECRET", "sink ops: the variable OPS_SECRET of secret_env is not set or empty"),
        ("PLANT_PASSWORD", "sink plant: the variable PLANT_PASSWORD of password_env is not set or empty"),
    ],
)
def test_check_misses_a_secret(file: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    monkeypatch.delenv(name)
    done = check("--file", str(file))
    assert done.exit_code == 2
    assert said in done.stderr


def test_check_misses_a_secret_file(file: Path) -> None:
    (file.parent / "neighbour.key").unlink()
    done = check("--file", str(file))
    assert done.exit_code == 2
    assert "sink neighbour: the file neighbour.key of api_key_file cannot be read" in done.stderr


def test_without_a_file_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREETCASE_SINKS_FILE", raising=False)
    done = check()
    assert done.exit_code == 2
    assert "say where the sinks are: --file FILE, or set STREETCASE_SINKS_FILE" in done.stderr


def test_the_installed_types_are_found_by_entry_point() -> None:
    assert set(known_types()) >= {"webhook", "open311", "mqtt"}
