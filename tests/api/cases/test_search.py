"""Cases are found by their words, Chinese and Latin, newest first, on both databases alike."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from api.cases import searching
from api.cases.text_chore import index_missing
from api.cases.texts import index_cases
from api.cases.tokens import MAX_TOKENS, asked_tokens, tokens_of
from api.rights import Role
from api.tables import Case, CaseText
from tests.api.place import Place, a_report

LIST = "/api/v1/cases"


def _found(place: Place, q: str, role: Role = Role.SUPERVISOR, **asked: Any) -> list[str]:
    answer = place.person(role).get(LIST, params={"q": q, **asked})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def _described(place: Place, *descriptions: str, **changes: Any) -> list[str]:
    """New cases with these descriptions, indexed, oldest first."""
    ids = [UUID(str(answer.case_id)) for text in descriptions for answer in place.report(a_report(**changes))]
    with place.app.state.services.database.write() as session:
        for case_id, text in zip(ids, descriptions, strict=True):
            session.execute(update(Case).where(Case.id == case_id).values(description=text))
        index_cases(session, ids)
    return [str(case_id) for case_id in ids]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("夜市", True),
        ("市摊", True),
        ("摊", True),
        ("摊市", False),
        ("夜摊", False),
        ("BAKERY", True),
        ("ｂａｋｅｒｙ", True),
        ("baker", False),
        ("bakery 夜市", True),
        ("bakery 白天", False),
        ("占道经营", True),
        ("trading ROAD", True),
        ("camera-77", True),
    ],
)
def test_words_and_parts_of_chinese_ones_are_found(shared_place: Place, query: str, expected: bool) -> None:
    mark = f"m{uuid4().hex[:10]}"
    [case_id] = _described(shared_place, f"夜市摊贩 beside the Bakery, {mark}", source_id="camera-77")
    assert (case_id in _found(shared_place, f"{mark} {query}")) is expected


def test_a_number_finds_its_case_as_soon_as_it_is_filed(shared_place: Place) -> None:
    [answer] = shared_place.report(a_report())
    filed = shared_place.person(Role.OPERATOR).post(f"{LIST}/{answer.case_id}/confirm").json()
    assert _found(shared_place, filed["number"]) == [str(answer.case_id)]


def test_what_machines_reported_is_found_once_the_chore_was_there(shared_place: Place) -> None:
    edge = f"edge{uuid4().hex[:8]}"
    [answer] = shared_place.report(a_report(edge_id=edge))
    index_missing(shared_place.app.state.services)
    assert _found(shared_place, edge) == [str(answer.case_id)]


def test_the_chore_gives_words_to_all_that_an_older_release_left(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = f"edge{uuid4().hex[:8]}"
    ids = [str(shared_place.report(a_report(edge_id=edge))[0].case_id) for _ in range(5)]
    services = shared_place.app.state.services
    with services.database.write() as session:
        for case_id in ids:
            session.query(CaseText).where(CaseText.case_id == UUID(case_id)).delete()
    monkeypatch.setattr("api.cases.text_chore._BATCH", 2)
    index_missing(services)
    assert _found(shared_place, edge) == ids[::-1]


@pytest.mark.parametrize("looked_at", [0, 3, 3000])
def test_search_is_paged_newest_first_and_filtered(
    shared_place: Place, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(searching, "_NEWEST_LOOKED_AT", looked_at)
    mark = f"m{uuid4().hex[:10]}"
    ids = _described(shared_place, *[f"{mark} 垃圾 {number}" for number in range(7)])
    shared_place.person(Role.OPERATOR).post(f"{LIST}/{ids[2]}/confirm")
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = shared_place.person(Role.SUPERVISOR).get(LIST, params={"q": f"{mark} 垃圾", "limit": 3, **after}).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == ids[::-1]
    few = shared_place.person(Role.OPERATOR).get(LIST, params={"q": f"none{mark}", "limit": 1})
    assert few.json() == {"items": [], "next": None}
    assert _found(shared_place, mark, state="filed") == [ids[2]]
    assert _found(shared_place, mark, role=Role.HANDLER) == [ids[2]]
    counted = shared_place.person(Role.OPERATOR).get(f"{LIST}/counts", params={"q": mark}).json()["items"]
    assert {item["key"]: item["count"] for item in counted if item["count"]} == {"detected": 6, "filed": 1}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("341122-20261123-0001", ["0001", "20261123", "341122"]),
        ("占道", ["占", "占道", "道"]),
        ("Straße ＡＢＣ", ["abc", "strasse"]),
        ("A区3号", ["3", "a", "区", "号"]),
        ('don\'t "quote" *', ["don", "quote", "t"]),
        ("", []),
    ],
)
def test_text_is_cut_into_words(text: str, tokens: list[str]) -> None:
    assert tokens_of([text, None]) == tokens


def test_what_is_asked_for_is_cut_the_same_way() -> None:
    assert asked_tokens("占道经营") == ["占道", "经营", "道经"]
    assert asked_tokens("道") == ["道"]
    assert asked_tokens("'; DROP TABLE") == ["drop", "table"]
    assert set(asked_tokens("夜市 bakery")) <= set(tokens_of(["夜市摊 Bakery"]))
    assert len(tokens_of([" ".join(f"w{number}" for number in range(9999))])) == MAX_TOKENS
