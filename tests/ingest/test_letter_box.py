"""``streetcase ingest dead-letters``: listed, shown, put back and dropped; nothing disappears without a record."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ingest.dead_letters import DeadLetters, SinkDeadLetters
from ingest.entries import DeadLetter, StreamEntry
from ingest.letter_box import age
from ingest.redis_link import connect
from ingest.sinks.stream import SinkStream
from ingest.stream import EventStream
from ingest.stream_keys import StreamKeys
from streetcase.commands.ingest import ingest_app
from tests.ingest.entries import new_entry, read

EVENT = b'{"event_id": "e-1", "kind": "burning", "phase": "raised"}'
DEEP, HALF = b"[" * 900 + b"]" * 900, b'{"kind": 7, "\\ud800": "\\u009b"}'
GARBAGE = b"\xff\x1b[31m\x00 {no json"


class Desk:
    """A stream with dead letters, and the command line before it."""

    def __init__(self, redis_url: str, archive_dir: Path) -> None:
        self.prefix = f"test-{uuid.uuid4().hex[:12]}"
        self.archive_dir = archive_dir
        self.client = connect(redis_url)
        self.stream = EventStream(self.client, prefix=self.prefix)
        self.stream.create_group()
        self.letters = DeadLetters(self.client, prefix=self.prefix)

    def bury(self, *reasons: str, event: bytes = EVENT) -> list[str]:
        """Buries an event for each reason, and returns the letters' ids."""
        for reason in reasons:
            self.stream.append([new_entry(event=event)])
            [entry] = read(self.stream)
            self.stream.bury(entry, reason)
        return [letter.letter_id for letter in self.letters.letters()][-len(reasons) :]

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(ingest_app, ["dead-letters", *arguments])

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def dropped(self) -> list[dict[str, Any]]:
        found = sorted(self.archive_dir.rglob("*.jsonl.gz"))
        assert all(path.parent.parent == self.archive_dir / "dropped" for path in found)
        return [json.loads(line) for path in found for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.fixture
def desk(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(redis_url, tmp_path / "archive")
    monkeypatch.setenv("STREETCASE_REDIS_URL", redis_url)
    monkeypatch.setenv("STREETCASE_STREAM_PREFIX", desk.prefix)
    monkeypatch.setenv("STREETCASE_ARCHIVE_DIR", str(desk.archive_dir))
    yield desk
    desk.client.close()


def test_the_list_tells_each_letter_in_a_line(desk: Desk) -> None:
    assert "no dead letters" in desk.run("list").stdout
    first, second = desk.bury("the API refused it: unknown kind burning", "zone: too small")
    lines = desk.run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["id", first, second]
    assert "laian-01" in lines[1]
    assert "burning  the API refused it: unknown kind burning  0 s" in lines[1]
    [line, more] = desk.run("list", "--limit", "1").stdout.splitlines()[1:]
    assert line.startswith(first)
    assert more.startswith("and 1 more")


def test_the_list_for_machines_holds_what_is_known(desk: Desk) -> None:
    [letter_id] = desk.bury("why")
    [letter] = desk.json("list")
    expected = {"id": letter_id, "edge_id": "laian-01", "kind": "burning", "phase": "raised", "event_id": "e-1"}
    assert {key: letter[key] for key in expected} == expected
    assert (letter["reason"], letter["attempts"]) == ("why", 0)
    assert "event" not in letter


def test_one_letter_is_shown_with_its_event(desk: Desk) -> None:
    [letter_id] = desk.bury("why")
    shown = desk.run("show", letter_id).stdout
    assert "reason: why" in shown
    assert '  "kind": "burning",' in shown
    assert desk.json("show", letter_id)["event"]["kind"] == "burning"


@pytest.mark.parametrize(
    "event", [GARBAGE, b"", b"7", b"[" * 100_000, b'{"kind": ["\\u001b[31m"]}', b"null", DEEP, HALF]
)
def test_garbage_is_shown_as_such_and_steers_no_terminal(desk: Desk, event: bytes) -> None:
    [letter_id] = desk.bury("why\x1b[31m", event=event)
    for arguments in (["list"], ["show", letter_id]):
        done = desk.run(*arguments)
        assert (done.exit_code, done.exception) == (0, None)
        assert "\x1b" not in done.stdout
        assert "\x00" not in done.stdout
    assert desk.json("show", letter_id)["id"] == letter_id
    assert desk.json("list")[0]["kind"] is None


def test_letters_put_back_are_in_the_stream_again(desk: Desk) -> None:
    first, second, third = desk.bury("zone: too small", "away", "zone: bent")
    assert desk.run("replay", second).stdout == "1 put back\n"
    assert [letter["id"] for letter in desk.json("list")] == [first, third]
    assert desk.run("replay", "--all", "--reason-contains", "small").stdout == "1 put back\n"
    assert desk.run("replay", "--all").stdout == "1 put back\n"
    assert desk.json("list") == []
    assert [entry.event for entry in read(desk.stream)] == [EVENT] * 3


def test_letters_are_dropped_once_they_are_written_down(desk: Desk) -> None:
    first, second, _ = desk.bury("one", "two", "three")
    assert "1 dropped\n" in desk.run("drop", second, "--yes").stdout
    assert [line["reason"] for line in desk.dropped()] == ["two"]
    assert desk.dropped()[0]["event"] == EVENT.decode()
    assert "2 dropped\n" in desk.run("drop", "--all", "--yes").stdout
    assert sorted(line["reason"] for line in desk.dropped()) == ["one", "three", "two"]
    assert desk.json("list") == []
    assert desk.run("show", first).exit_code == 2


def test_nothing_is_dropped_that_cannot_be_written_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.bury("one")
    desk.archive_dir.write_text("a file, and no folder")
    done = desk.run("drop", "--all", "--yes")
    assert done.exit_code == 2
    assert "cannot write to the archive" in done.stderr
    monkeypatch.delenv("STREETCASE_ARCHIVE_DIR")
    assert "give --archive DIR" in desk.run("drop", "--all", "--yes").stderr
    assert len(desk.json("list")) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "no-id"), "no dead letter 'no-id' of the API; nothing was done"),
        (("replay", "1-1"), "no dead letter '1-1'"),
        (("drop", "1-1", "--yes"), "no dead letter '1-1'"),
        (("drop", "--all"), "without a terminal to ask on, say --yes"),
        (("replay",), "say which: ids, as `list` shows them, or --all"),
        (("replay", "1-1", "--all"), "say which"),
        (("replay", "1-1", "--reason-contains", "x"), "--reason-contains goes with --all"),
        (("list", "--sink", "neighbuor"), "no sink 'neighbuor' has had any event"),
        (("show", "1-1", "--sink", "neighbuor"), "no sink 'neighbuor' has had any event"),
    ],
)
def test_what_a_user_can_mend_is_told_in_a_line(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    [letter_id] = desk.bury("why")
    done = desk.run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert [letter["id"] for letter in desk.json("list")] == [letter_id]


def test_one_wrong_id_among_right_ones_does_nothing(desk: Desk) -> None:
    [letter_id] = desk.bury("why")
    assert desk.run("replay", letter_id, "9-9").exit_code == 2
    assert len(desk.json("list")) == 1


def test_it_needs_redis_and_no_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREETCASE_REDIS_URL", "redis://:hidden@127.0.0.1:1/0")
    done = desk.run("list")
    assert done.exit_code == 2
    assert "Redis does not serve" in done.stderr
    assert "hidden" not in done.output
    monkeypatch.delenv("STREETCASE_REDIS_URL")
    assert "STREETCASE_REDIS_URL is not set" in desk.run("list").stderr


def test_it_works_on_the_letters_of_a_sink_too(desk: Desk) -> None:
    sink = SinkStream(desk.client, "neighbour", prefix=desk.prefix)
    sink.create_group()
    for event in (EVENT, GARBAGE, EVENT):
        fields: dict[Any, Any] = {"entry_id": "5-1", "partition": "3", "event": event, "edge_id": "edge-1"}
        desk.client.xadd(StreamKeys(desk.prefix).sink("neighbour"), fields)
    for waiting in sink.read(count=10, block_ms=10):
        sink.dead_letter(waiting.waiting_id, "a 400", attempts=2)
        sink.dead_letter(waiting.waiting_id, "a 400", attempts=2)  # A repetition changes nothing.
    ids = [letter["id"] for letter in desk.json("list", "--sink", "neighbour")]
    assert len(ids) == 3
    assert desk.json("list") == []
    assert desk.json("show", ids[0], "--sink", "neighbour")["attempts"] == 2
    assert desk.run("replay", ids[0], "--sink", "neighbour").stdout == "1 put back\n"
    [again] = sink.read(count=10, block_ms=10)
    assert again.entry == StreamEntry("5-1", EVENT, "edge-1", "", "", "", 3)
    assert desk.run("drop", "--all", "--yes", "--sink", "neighbour").stdout == "2 dropped\n"
    assert {line["dropped_from"] for line in desk.dropped()} == {"sink neighbour"}
    assert SinkDeadLetters(desk.client, "neighbour", prefix=desk.prefix).count() == 0


@pytest.mark.parametrize(
    ("failed_ago", "expected"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=90), "1 h"),
        (timedelta(days=3), "3 d"),
        (None, "?"),
    ],
)
def test_the_age_is_one_number_and_its_unit(failed_ago: timedelta | None, expected: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    failed_at = (now - failed_ago).isoformat() if failed_ago is not None else "2026-11-23T00:00:00"
    letter = DeadLetter("1-1", StreamEntry("1-1", b"", "", "", ""), "", failed_at)
    assert age(letter, now=now) == expected
