"""People add pictures to a case: checked, decoded, kept, and guarded where a plate shows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.rights import Role
from tests.api.cases.steps import OTHER_DEPARTMENT, Life
from tests.api.pictures import a_picture, png_of_claimed_size, sha256_of
from tests.api.place import Place


def _add(life: Life, content: bytes, who: Role = Role.HANDLER, *, of: str | None = None, **said: Any) -> httpx.Response:
    client = life.place.person(who, of)
    files = {"file": ("photo.jpg", content, "application/octet-stream")}
    return client.post(f"/api/v1/cases/{life.id}/evidence", files=files, data={"role": "after"} | said)


def test_a_picture_of_a_person_is_shown_with_the_case(shared_place: Place) -> None:
    life, picture = Life(shared_place).to("handling"), a_picture("PNG")
    added = _add(life, picture, taken_at="2026-11-23T09:00:00+08:00")
    assert added.status_code == 201, added.text
    [item] = [item for item in life.shown()["evidence"] if item["added_by"]]
    assert item == added.json()["evidence"]
    assert (item["sha256"], item["role"], item["state"]) == (sha256_of(picture), "after", "present")
    assert (item["media_type"], item["size_bytes"]) == ("image/png", len(picture))
    assert item["added_by"] == "person:handler-urban-management"
    assert item["taken_at"].startswith("2026-11-23T01:00:00")
    shown = shared_place.person(Role.OPERATOR).get(f"/api/v1/cases/{life.id}/evidence/{item['sha256']}")
    assert shown.content == picture
    assert life.acts()[-1] == "evidence_added"
    assert life.shown()["version"] == 4


def test_a_picture_that_shows_a_plate_is_guarded(shared_sqlite_place: Place) -> None:
    life, picture = Life(shared_sqlite_place).to("handling"), a_picture()
    assert _add(life, picture, shows_plate="true").json()["evidence"]["plate_kept"] is True
    path = f"/api/v1/cases/{life.id}/evidence/{sha256_of(picture)}"
    assert shared_sqlite_place.person(Role.OPERATOR).get(path).status_code == 403
    assert shared_sqlite_place.person(Role.SUPERVISOR).get(path).status_code == 200


def test_the_same_picture_is_added_once_in_each_role(shared_sqlite_place: Place) -> None:
    life, picture = Life(shared_sqlite_place).to("handling"), a_picture()
    assert [_add(life, picture, role=role).status_code for role in ("before", "before", "after")] == [201, 409, 201]
    assert life.acts().count("evidence_added") == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", b"\x00" * 100, a_picture()[:200], png_of_claimed_size(60_000, 60_000), b"ftyp" * 10],
)
def test_what_is_no_sound_picture_is_refused(shared_sqlite_place: Place, content: bytes) -> None:
    life = Life(shared_sqlite_place).to("handling")
    assert _add(life, content).status_code == 422
    assert life.shown()["evidence"] == []


@pytest.mark.parametrize(
    "said", [{"role": "crop"}, {"role": "after\x00"}, {"taken_at": "yesterday"}, {"shows_plate": "maybe"}]
)
def test_what_is_said_of_a_picture_is_checked(shared_sqlite_place: Place, said: dict[str, Any]) -> None:
    assert _add(Life(shared_sqlite_place).to("handling"), a_picture(), **said).status_code == 422


def test_a_body_that_is_no_form_is_refused(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    path, handler = f"/api/v1/cases/{life.id}/evidence", shared_sqlite_place.person(Role.HANDLER)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert handler.post(path, json={"role": "after"}).status_code == 422
    assert handler.post(path, content=b"--y\r\nnonsense", headers=form).status_code == 422
    assert handler.post(path, content=b"", headers={"Content-Type": "multipart/form-data"}).status_code == 422
    assert handler.post(path, data={"role": "after"}, files={"other": a_picture()}).status_code == 422
    assert handler.post(path, content=b"x" * 21_000_000, headers=form).status_code == 413


def test_pictures_are_added_by_those_who_may_to_cases_that_are_open(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("closed")
    assert _add(life, a_picture()).status_code == 409
    assert _add(life, a_picture(), of=OTHER_DEPARTMENT).status_code == 403
    assert _add(life, a_picture(), Role.ADMINISTRATOR).status_code == 403
    life.id = type(life.id)(int=7)
    assert _add(life, a_picture()).status_code == 404
