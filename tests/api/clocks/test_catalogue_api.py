"""People edit the catalogue: kinds, conditions, codes and stages, one by one and as files."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from api.catalogue import KINDS_CSV
from api.rights import Role
from api.tables import AuditRow
from tests.api.place import Place, a_report

CODES_CSV = KINDS_CSV.parent / "codes.csv"
A_KIND: dict[str, Any] = {
    "name_en": "Stall",
    "name_zh": "摊点",
    "code_class": "event",
    "code_scheme": "local",
    "code": "0699",
    "seen_by": "camera",
    "policy": "same",
    "dwell_s": 300,
    "clear_s": 120,
    "limit": 2,
    "limit_unit": "urgent_hour",
    "department": "urban-management",
    "family": "trading",
    "join_m": 50,
    "join_h": 24,
    "join_by_watch": True,
    "mute_h": 24,
    "keep_plate": False,
    "safety": False,
    "note": None,
}
CSV = {"Content-Type": "text/csv"}


def _key() -> str:
    return f"kind-{uuid4().hex[:10]}"


def _took(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def _file(place: Place, table: str, text: str | bytes, **wishes: Any) -> httpx.Response:
    path = f"/api/v1/{table}.csv"
    return place.person(Role.ADMINISTRATOR).post(path, content=text, headers=CSV, params=wishes)


def _export(place: Place, table: str) -> str:
    answer = place.person(Role.OPERATOR).get(f"/api/v1/{table}.csv")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return answer.text


def _audited(place: Place, subject: str) -> list[AuditRow]:
    with place.app.state.services.database.read() as session:
        query = select(AuditRow).where(AuditRow.subject == subject).order_by(AuditRow.id)
        return list(session.scalars(query))


def test_a_kind_is_made_changed_and_removed(shared_place: Place) -> None:
    key, administrator = _key(), shared_place.person(Role.ADMINISTRATOR)
    path = f"/api/v1/kinds/{key}"
    assert administrator.get(path).status_code == 404
    made = _took(administrator.put(path, json=A_KIND))
    assert made == A_KIND | {"key": key, "retired": False}
    assert _took(administrator.put(path, json=A_KIND | {"limit": 0.5, "limit_unit": "workday"}))["limit"] == 0.5
    assert _took(administrator.get(path))["limit_unit"] == "workday"
    assert _took(administrator.delete(path)) == {"outcome": "removed"}
    assert administrator.get(path).status_code == 404
    assert administrator.delete(path).status_code == 404
    audited = _audited(shared_place, f"kind:{key}")
    assert [row.action for row in audited] == ["catalogue.edit"] * 3
    assert [row.actor for row in audited] == ["person:administrator-all"] * 3
    assert audited[1].details["limit"] == 0.5


def test_a_kind_that_a_case_has_is_retired_and_comes_back_when_it_is_set_again(shared_place: Place) -> None:
    key, administrator = _key(), shared_place.person(Role.ADMINISTRATOR)
    _took(administrator.put(f"/api/v1/kinds/{key}", json=A_KIND))
    [answer] = shared_place.report(a_report(kind=key))
    assert _took(administrator.delete(f"/api/v1/kinds/{key}")) == {"outcome": "retired"}
    assert shared_place.case(answer.case_id)["kind"]["key"] == key
    assert _took(administrator.get(f"/api/v1/kinds/{key}"))["retired"] is True
    assert key not in _export(shared_place, "catalogue/kinds")
    assert _took(administrator.put(f"/api/v1/kinds/{key}", json=A_KIND))["retired"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 1e9},
        {"limit_unit": "week"},
        {"join_m": 2001},
        {"join_m": -1},
        {"join_h": 1e6},
        {"mute_h": -1},
        {"family": "Not a family"},
        {"family": ""},
        {"department": "no-such-department"},
        {"code_scheme": None},
        {"code": "06 99"},
        {"code": 699},
        {"name_en": "a\x00b"},
        {"code_class": "thing"},
        {"seen_by": "nobody"},
        {"surplus": 1},
    ],
)
def test_a_kind_that_cannot_be_is_refused(shared_sqlite_place: Place, change: dict[str, Any]) -> None:
    key, administrator = _key(), shared_sqlite_place.person(Role.ADMINISTRATOR)
    answer = administrator.put(f"/api/v1/kinds/{key}", json=A_KIND | change)
    assert answer.status_code == 422, answer.text
    assert administrator.get(f"/api/v1/kinds/{key}").status_code == 404


def test_the_export_of_a_new_place_is_the_default_catalogue_and_importing_it_changes_nothing(place: Place) -> None:
    text = _export(place, "catalogue/kinds")
    assert sorted(text.splitlines()) == sorted(KINDS_CSV.read_text(encoding="utf-8").splitlines())
    took = _took(_file(place, "catalogue/kinds", text.encode(), missing="remove"))
    assert took == {
        "rows": 26, "added": 0, "changed": 0, "unchanged": 26, "removed": 0, "retired": 0, "dry_run": False,
    }  # fmt: skip
    assert _export(place, "catalogue/kinds") == text


def test_a_city_takes_its_own_catalogue(place: Place) -> None:
    key, header = _key(), KINDS_CSV.read_text(encoding="utf-8").splitlines()[0]
    kept = next(line for line in KINDS_CSV.read_text(encoding="utf-8").splitlines() if line.startswith("burning,"))
    own = f"{key},Stall,摊点,event,local,0698,camera,same,300,120,2,urgent_hour,urban-management,trading,5,2,1,2,0,0,"
    text = "\n".join([header, kept.replace(",100,6,", ",150,6,"), own]).encode("gb18030")
    wishes = {"encoding": "gb18030", "missing": "remove"}
    tried = _took(_file(place, "catalogue/kinds", text, dry_run=True, **wishes))
    assert _took(place.person(Role.OPERATOR).get("/api/v1/kinds/burning"))["join_m"] == 100
    assert _audited(place, "catalogue:kinds") == []
    took = _took(_file(place, "catalogue/kinds", text, **wishes))
    assert tried == took | {"dry_run": True}
    assert (took["added"], took["changed"], took["removed"], took["retired"]) == (1, 1, 0, 25)
    assert _took(place.person(Role.OPERATOR).get("/api/v1/kinds/burning"))["join_m"] == 150
    assert [line.split(",")[0] for line in _export(place, "catalogue/kinds").splitlines()] == ["key", "burning", key]
    [audited] = _audited(place, "catalogue:kinds")
    assert (audited.details["added"], audited.details["retired"]) == (1, 25)
    # Without the own kind: it has no cases, so that it goes and does not stay as retired.
    gone = _took(_file(place, "catalogue/kinds", f"{header}\n{kept}\n".encode(), missing="remove"))
    assert (gone["changed"], gone["removed"], gone["retired"]) == (1, 1, 0)


def test_one_bad_line_and_nothing_is_taken(shared_place: Place) -> None:
    header, good = KINDS_CSV.read_text(encoding="utf-8").splitlines()[:2]
    fine, bad = _key(), good.replace(",urban-management,", ",no-such-department,")
    answer = _file(shared_place, "catalogue/kinds", "\n".join([header, good.replace("street-encroachment", fine), bad]))
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["line"], error["column"], error["found"]) == (3, "department", "no-such-department")
    assert "urban-management" in error["expected"]
    assert answer.json()["error_count"] == 1
    assert shared_place.person(Role.OPERATOR).get(f"/api/v1/kinds/{fine}").status_code == 404


def test_conditions_are_set_listed_and_removed(shared_place: Place) -> None:
    key, administrator = _key(), shared_place.person(Role.ADMINISTRATOR)
    path = f"/api/v1/kinds/{key}/conditions"
    small = {"filed_when_en": "below 10 cm", "filed_when_zh": "不足10厘米", "limit": 1, "limit_unit": "workday"}
    deep = {"filed_when_en": "above 15 cm", "filed_when_zh": "超过15厘米"}
    assert administrator.get(path).status_code == 404
    assert administrator.put(f"{path}/deep", json=deep).status_code == 404
    _took(administrator.put(f"/api/v1/kinds/{key}", json=A_KIND))
    _took(administrator.put(f"{path}/small", json=small))
    _took(administrator.put(f"{path}/deep", json=deep))
    assert administrator.put(f"{path}/deep", json=deep | {"limit": 2}).status_code == 422
    listed = administrator.get(path).json()
    assert [(row["key"], row["limit"], row["limit_unit"]) for row in listed] == [
        ("deep", None, None),
        ("small", 1, "workday"),
    ]
    text = _export(shared_place, "catalogue/conditions")
    assert f"{key},small,below 10 cm,不足10厘米,,,1,workday" in text.splitlines()
    assert _took(_file(shared_place, "catalogue/conditions", text))["changed"] == 0
    assert administrator.delete(f"{path}/deep").status_code == 204
    assert administrator.delete(f"{path}/deep").status_code == 404
    wrong = _file(shared_place, "catalogue/conditions", "kind_key,key,filed_when_en,filed_when_zh\nnone,a,b,c\n")
    assert wrong.json()["errors"][0]["column"] == "kind_key"
    # A kind goes with its conditions.
    assert _took(administrator.delete(f"/api/v1/kinds/{key}")) == {"outcome": "removed"}


def test_codes_are_imported_found_and_bind_the_kinds(place: Place) -> None:
    administrator = place.person(Role.ADMINISTRATOR)
    took = _took(_file(place, "catalogue/codes", CODES_CSV.read_bytes()))
    assert (took["rows"], took["added"]) == (322, 322)
    exported = _export(place, "catalogue/codes")
    assert sorted(exported.splitlines()) == sorted(CODES_CSV.read_text(encoding="utf-8").splitlines())
    assert _took(_file(place, "catalogue/codes", exported, missing="remove"))["unchanged"] == 322
    query = {"scheme": "cn-30428-city", "code_class": "event", "prefix": "040"}
    found = administrator.get("/api/v1/codes", params=query).json()
    assert {"0401", "0405", "0406", "0409"} <= {code["code"] for code in found}
    assert all(code["code"].startswith("040") for code in found)
    second = administrator.get("/api/v1/codes", params=query | {"offset": 1, "limit": 1}).json()
    assert second == found[1:2]
    # The default catalogue fits the table; a code that it does not hold is refused now.
    assert _took(_file(place, "catalogue/kinds", _export(place, "catalogue/kinds")))["unchanged"] == 26
    wrong = A_KIND | {"code_scheme": "cn-30428-city", "code": "406"}
    answer = administrator.put(f"/api/v1/kinds/{_key()}", json=wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["found"] == "406"
    _took(administrator.put(f"/api/v1/kinds/{_key()}", json=wrong | {"code": "0406"}))


def test_a_code_that_a_kind_has_stays_and_so_do_other_schemes(place: Place) -> None:
    _took(_file(place, "catalogue/codes", CODES_CSV.read_bytes()))
    header = "code_class,code_scheme,code,name_zh,name_en,confidence\n"
    one = f"{header}event,cn-30428-city,0199,违规,Illegal housing,high\n"
    _took(_file(place, "catalogue/codes", one, missing="remove"))
    left = place.person(Role.OPERATOR).get("/api/v1/codes", params={"limit": 1000}).json()
    codes = {code["code"] for code in left if code["scheme"] == "cn-30428-city"}
    assert {"0199", "0406", "0110"} <= codes
    assert "0201" not in codes
    assert any(code["scheme"] == "cn-older-city" for code in left)


def test_local_codes_count_down_from_99(shared_place: Place) -> None:
    administrator, scheme = shared_place.person(Role.ADMINISTRATOR), f"city-{uuid4().hex[:8]}"
    query = {"scheme": scheme, "code_class": "event", "prefix": "06"}

    def free() -> str:
        return str(_took(administrator.get("/api/v1/codes/free", params=query))["code"])

    assert free() == "0699"
    _took(administrator.put(f"/api/v1/kinds/{_key()}", json=A_KIND | {"code_scheme": scheme, "code": "0699"}))
    assert free() == "0698"
    header = "code_class,code_scheme,code,name_zh,name_en\n"
    rows = "".join(f"event,{scheme},06{n:02},名,Name\n" for n in range(1, 100))
    _took(_file(shared_place, "catalogue/codes", header + rows))
    assert administrator.get("/api/v1/codes/free", params=query).status_code == 404


@pytest.mark.parametrize("prefix", ["-1", ".6", "-", "", "06 ", "6" * 61])
def test_a_prefix_that_no_code_begins_with_is_refused(shared_sqlite_place: Place, prefix: str) -> None:
    query = {"scheme": "no-such-scheme", "code_class": "event", "prefix": prefix}
    assert shared_sqlite_place.person(Role.OPERATOR).get("/api/v1/codes/free", params=query).status_code == 422


def test_stages_are_shown_set_and_carried_in_files(place: Place) -> None:
    administrator = place.person(Role.ADMINISTRATOR)
    wanted = {
        "limits": [{"stage": "accept", "limit": 0.25, "limit_unit": "hour"}],
        "steps": [{"stage": "handle", "level": 1, "share": 0.8, "tells": "handler"}],
    }
    _took(administrator.put("/api/v1/catalogue/stages", json=wanted))
    assert _took(administrator.get("/api/v1/catalogue/stages")) == wanted
    assert _export(place, "catalogue/stages") == "stage,limit,limit_unit\naccept,0.25,hour\n"
    assert _export(place, "catalogue/escalation") == "stage,level,share,tells\nhandle,1,0.8,handler\n"
    took = _took(_file(place, "catalogue/stages", "stage,limit,limit_unit\naccept,1/6,hour\ncheck,1,workday\n"))
    assert (took["added"], took["changed"]) == (1, 1)
    assert _file(place, "catalogue/stages", "stage,limit,limit_unit\nsleep,1,hour\n").status_code == 422
    for window in ("reopen", "expire"):
        # Working time is of no stage that nobody works in; counted as hours that run on it would be another limit.
        refused = _file(place, "catalogue/stages", f"stage,limit,limit_unit\n{window},1,workday\n")
        assert (refused.status_code, "expected hour, day or urgent_hour" in refused.text) == (422, True)
    assert (
        administrator.put("/api/v1/catalogue/stages", json=wanted | {"limits": wanted["limits"] * 2}).status_code == 422
    )
    assert len(_audited(place, "stages")) == 1


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER, Role.INTEGRATOR])
def test_only_an_administrator_edits_and_the_file_is_not_read_before(shared_sqlite_place: Place, role: Role) -> None:
    person = shared_sqlite_place.person(role)
    assert person.post("/api/v1/catalogue/kinds.csv", content=b"\xff", headers=CSV).status_code == 403
    assert person.put("/api/v1/kinds/burning", json=A_KIND).status_code == 403
    assert person.get("/api/v1/catalogue/kinds.csv").status_code == 200


def test_a_file_is_csv_of_a_known_table_and_not_endless(shared_sqlite_place: Place) -> None:
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    assert administrator.post("/api/v1/catalogue/kinds.csv", json={}).status_code == 415
    assert _file(shared_sqlite_place, "catalogue/people", "a,b\n").status_code == 422
    assert _file(shared_sqlite_place, "catalogue/kinds", b"a" * 2_000_001).status_code == 413
    # Larger than other bodies may be, and read.
    assert _file(shared_sqlite_place, "catalogue/kinds", b"a" * 100_000).status_code == 422
    assert _file(shared_sqlite_place, "catalogue/kinds", b"key\n", missing="burn").status_code == 422


def test_ten_imports_at_once_all_succeed(shared_place: Place) -> None:
    from concurrent.futures import ThreadPoolExecutor

    scheme = f"city-{uuid4().hex[:8]}"
    text = "code_class,code_scheme,code,name_zh,name_en\n" + f"event,{scheme},01,名,Name\n"
    shared_place.person(Role.ADMINISTRATOR)
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: _took(_file(shared_place, "catalogue/codes", text)), range(10)))
    assert sum(answer["added"] for answer in answers) == 1
