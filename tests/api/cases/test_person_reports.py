"""People report through the same door as cameras: once each, told apart, filed at once where they may."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.rights import Role
from tests.api.pictures import a_picture, put, sha256_of
from tests.api.place import Place

HERE = {"longitude": 118.43, "latitude": 32.45}


def a_word(**changes: Any) -> dict[str, Any]:
    """What a patrol says, somewhere where nobody else reports."""
    return {
        "report_id": str(uuid4()),
        "source": "patrol",
        "kind": "goods-piled",
        "description": "门口堆着沙子",
        "position": {"longitude": 100 + uuid4().int % 10**6 / 10**5, "latitude": 32.4},
    } | changes


def say(place: Place, word: dict[str, Any], role: Role = Role.OPERATOR) -> httpx.Response:
    return place.person(role).post("/api/v1/reports", json=word)


def told(place: Place, word: dict[str, Any], role: Role = Role.OPERATOR) -> dict[str, Any]:
    answer = say(place, word, role)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_person_s_report_makes_a_case_that_says_who_and_how(shared_place: Place) -> None:
    word = a_word(address="南门大街 12 号", reporter="王女士")
    answer = told(shared_place, word)
    case = shared_place.case(answer["case_id"])
    assert (answer["outcome"], answer["report_id"]) == ("new_case", word["report_id"])
    assert (case["state"], case["number"], case["source_type"], case["source_id"]) == (
        "detected",
        None,
        "person",
        "operator-all",
    )
    assert (case["edge_id"], case["watch_id"], case["channel"]) == (None, None, "patrol")
    assert (case["reporter"], case["description"], case["address"]) == ("王女士", "门口堆着沙子", "南门大街 12 号")


def test_the_same_report_sent_again_changes_nothing(shared_place: Place) -> None:
    word = a_word()
    first, again = told(shared_place, word), told(shared_place, word)
    assert (again["outcome"], again["case_id"]) == ("duplicate", first["case_id"])
    assert shared_place.case(first["case_id"])["reports_count"] == 1


def test_another_person_s_report_of_the_same_id_is_another_report(shared_sqlite_place: Place) -> None:
    word = a_word(report_id=str(uuid4()))
    first = told(shared_sqlite_place, word)
    elsewhere = a_word(report_id=word["report_id"])
    assert told(shared_sqlite_place, elsewhere, Role.SUPERVISOR)["outcome"] == "new_case"
    assert shared_sqlite_place.case(first["case_id"])["reports_count"] == 1


def test_the_case_number_is_minted_when_it_is_filed_at_once(shared_place: Place) -> None:
    word = a_word(file_at_once=True)
    case = shared_place.case(told(shared_place, word)["case_id"])
    assert case["state"] == "filed"
    assert case["number"]
    assert told(shared_place, word)["outcome"] == "duplicate"
    assert shared_place.case(case["id"])["number"] == case["number"]


def test_who_may_not_confirm_cannot_file_at_once(shared_sqlite_place: Place) -> None:
    answer = say(shared_sqlite_place, a_word(file_at_once=True), Role.HANDLER)
    assert answer.status_code == 403, answer.text
    assert say(shared_sqlite_place, a_word(), Role.HANDLER).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "no-such-kind"}, "kind"),
        ({"source": "camera"}, "source"),
        ({"description": "a\x00b"}, "description"),
        ({"photos": ["0" * 64]}, "photos"),
        ({"position": {"longitude": 181, "latitude": 0}}, "longitude"),
    ],
)
def test_what_is_wrong_is_said(shared_sqlite_place: Place, wrong: dict[str, Any], why: str) -> None:
    answer = say(shared_sqlite_place, a_word(**wrong))
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


def test_photos_are_evidence_of_the_case(shared_sqlite_place: Place) -> None:
    picture = a_picture()
    put(shared_sqlite_place.app.state.services.evidence, picture)
    case = shared_sqlite_place.case(told(shared_sqlite_place, a_word(photos=[sha256_of(picture)]))["case_id"])
    [item] = case["evidence"]
    assert (item["sha256"], item["role"], item["state"]) == (sha256_of(picture), "before", "present")
