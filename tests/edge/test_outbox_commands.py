"""``streetcase edge outbox`` shows what is there, and puts back in line what it is told to, beside a running edge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox
from edge.outbox.schema import VERSION
from ingest.contract import Answer, Event, EvidenceItem, EvidenceRole
from streetcase.cli import app
from tests.edge.makers import a_picture, an_event, commit


@dataclass
class Box:
    """An outbox with one event in each state; ``outbox`` is open, as that of a running edge."""

    folder: Path
    outbox: Outbox
    events: list[Event]
    picture: EvidenceItem

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["edge", "outbox", *arguments, "--data-dir", str(self.folder)])

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def states(self) -> list[str]:
        return [state for (state,) in self.outbox._db.execute("SELECT state FROM events ORDER BY seq")]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    folder = tmp_path / "edge-data"
    outbox, evidence = Outbox(folder / "outbox.sqlite"), EvidenceFolder(folder / "evidence")
    picture = a_picture(evidence, EvidenceRole.CROP)
    events = [an_event(evidence=[picture]), *(an_event(source="gate") for _ in range(3))]
    commit(outbox, *events)
    answers = [(Answer.ACCEPTED, None), (Answer.HELD, "kind unknown"), (Answer.REFUSED, "malformed")]
    outbox.answered([(n + 1, answer, reason) for n, (answer, reason) in enumerate(answers)])
    yield Box(folder, outbox, events, picture)
    outbox.close()


def test_the_list_shows_the_newest_first_with_how_each_stands(box: Box) -> None:
    listed = box.json("list", "--json")

    assert [item["event_id"] for item in listed] == [str(event.event_id) for event in reversed(box.events)]
    assert [item["state"] for item in listed] == ["waiting", "refused", "held", "accepted"]
    assert [item["reason"] for item in listed] == [None, "malformed", "kind unknown", None]
    assert [item["answers"] for item in listed] == [0, 1, 1, 1]
    assert listed[3]["evidence"] == {"pending": 1}

    table = box.run("list").output
    assert all(str(event.event_id) in table for event in box.events)
    assert "illegal-parking" in table
    assert "1 pending" in table


def test_the_list_can_be_narrowed(box: Box) -> None:
    assert [item["state"] for item in box.json("list", "--json", "--state", "held")] == ["held"]
    assert len(box.json("list", "--json", "--limit", "2")) == 2
    incident = str(box.events[2].incident_id)
    assert [item["incident_id"] for item in box.json("list", "--json", "--incident", incident)] == [incident]


def test_an_event_is_shown_whole_with_its_pictures_on_this_disk(box: Box) -> None:
    [shown] = box.json("show", str(box.events[0].event_id))

    assert Event.model_validate(shown["message"]) == box.events[0]
    [picture] = shown["evidence"]
    assert (picture["sha256"], picture["file_is_here"]) == (box.picture.sha256, True)
    EvidenceFolder(box.folder / "evidence").remove(box.picture.sha256)
    [shown] = box.json("show", str(box.events[0].incident_id))
    assert not shown["evidence"][0]["file_is_here"]


@pytest.mark.parametrize(
    ("chosen", "states"),
    [
        (["0"], ["waiting", "held", "refused", "waiting"]),
        (["0", "2"], ["waiting", "held", "waiting", "waiting"]),
        (["--held"], ["accepted", "waiting", "refused", "waiting"]),
        (["--refused"], ["accepted", "held", "waiting", "waiting"]),
        (["--since", "2026-01-01T00:00:00+08:00"], ["waiting", "held", "refused", "waiting"]),
    ],
)
def test_what_is_named_goes_back_in_line(box: Box, chosen: list[str], states: list[str]) -> None:
    named = [str(box.events[int(word)].event_id) if word.isdigit() else word for word in chosen]
    before = box.states().count("waiting")

    result = box.run("resend", *named)

    assert result.exit_code == 0
    assert box.states() == states
    assert result.output == f"events put back in line: {states.count('waiting') - before}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "nonsense"], "knows no event and no incident of this id"),
        (["resend", "KNOWN", str(uuid4())], "nothing was put back in line"),
        (["resend"], "say which events"),
        (["resend", "--held", "--refused"], "say which events"),
        (["resend", "--since", "yesterday"], "needs a time like"),
        (["resend", "--since", "2026-01-01T00:00:00"], "with its zone"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_changes_nothing(box: Box, arguments: list[str], says: str) -> None:
    before = box.states()

    result = box.run(*(str(box.events[0].event_id) if word == "KNOWN" else word for word in arguments))

    assert result.exit_code == 2
    assert says in result.output
    assert box.states() == before


def test_all_of_it_works_while_no_edge_runs(box: Box) -> None:
    box.outbox.close()

    assert len(box.json("list", "--json")) == 4
    assert box.run("resend", "--held").exit_code == 0
    assert len(box.json("list", "--json", "--state", "waiting")) == 2
    box.outbox = Outbox(box.folder / "outbox.sqlite")


def test_looking_changes_nothing_and_needs_an_outbox_of_this_version(box: Box, tmp_path: Path) -> None:
    nowhere = CliRunner().invoke(app, ["edge", "outbox", "list", "--data-dir", str(tmp_path / "none")])
    assert nowhere.exit_code == 2
    assert "there is no outbox" in nowhere.output
    assert not (tmp_path / "none").exists()

    box.outbox._db.execute(f"PRAGMA user_version = {VERSION - 1}")
    for command in (["list"], ["resend", "--held"]):
        result = box.run(*command)
        assert result.exit_code == 2
        assert "written by another version" in result.output
    box.outbox._db.execute(f"PRAGMA user_version = {VERSION}")


def test_an_event_that_cannot_be_read_is_listed_all_the_same(box: Box) -> None:
    box.outbox._db.execute("UPDATE events SET body = 'no json' WHERE seq = 4")
    assert box.outbox.waiting_events(9) == []

    [listed] = box.json("list", "--json", "--state", "unreadable")

    assert "cannot be read any more" in listed["reason"]
    assert datetime.fromisoformat(listed["occurred_at"]).tzinfo == UTC


def test_what_others_wrote_into_an_event_or_a_reason_is_shown_as_it_is(box: Box) -> None:
    box.outbox._db.execute(
        """UPDATE events SET reason = 'labels[0]: [/red] odd', body = '{"evidence": null}' WHERE seq = 3"""
    )
    box.outbox._db.execute("""UPDATE events SET body = '{"evidence": [1, {"role": 2}]}' WHERE seq = 4""")

    assert "labels[0]: [/red] odd" in box.run("list").output
    [shown] = box.json("show", str(box.events[3].event_id))
    assert [item["role"] for item in shown["evidence"]] == ["2"]
