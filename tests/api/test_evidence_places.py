"""The API on a bucket and on encrypted evidence: shown as it came, or a clear word why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.evidence.keys import make_key_file
from api.rights import Role
from api.settings import ApiSettings
from tests.api.conftest import BUCKET
from tests.api.pictures import a_picture, put, sha256_of
from tests.api.place import SEEN_AT, Place, a_report
from tests.services.s3 import S3Server


@pytest.fixture
def encrypted(settings_for: Callable[[str], ApiSettings], tmp_path: Path) -> ApiSettings:
    make_key_file(tmp_path / "evidence.key")
    settings = settings_for(f"sqlite:///{tmp_path / 'cases.db'}")
    return replace(settings, evidence_key_file=tmp_path / "evidence.key")


@pytest.fixture
def place(encrypted: ApiSettings) -> Iterator[Place]:
    with Place(encrypted) as made:
        yield made


@pytest.fixture
def bucket_place(own_s3: S3Server, encrypted: ApiSettings) -> Iterator[Place]:
    with Place(replace(encrypted, evidence_url=f"s3://{BUCKET}/site-1")) as made:
        yield made


def _reported(place: Place, content: bytes) -> str:
    """Puts a picture into the store, reports it, and returns its path in the API."""
    put(place.app.state.services.evidence, content)
    return _announced(place, content)


def _announced(place: Place, content: bytes) -> str:
    item = {"sha256": sha256_of(content), "media_type": "image/jpeg", "size_bytes": len(content), "role": "start"}
    [answer] = place.report(a_report(evidence=[item | {"taken_at": SEEN_AT}]))
    return f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(content)}"


def test_an_encrypted_picture_is_shown_as_it_came(place: Place) -> None:
    content = a_picture()
    shown = place.person(Role.OPERATOR).get(_reported(place, content))
    assert (shown.status_code, shown.content, shown.headers["Content-Type"]) == (200, content, "image/jpeg")
    assert shown.headers["Content-Length"] == str(len(content))
    assert shown.headers["ETag"] == f'"{sha256_of(content)}"'
    [stored] = place.settings.evidence_dir.rglob(sha256_of(content))
    assert content[:100] not in stored.read_bytes()


def test_a_damaged_picture_is_told_and_not_shown(place: Place) -> None:
    content = a_picture()
    path = _reported(place, content)
    [stored] = place.settings.evidence_dir.rglob(sha256_of(content))
    stored.write_bytes(stored.read_bytes()[:-20])
    shown = place.person(Role.OPERATOR).get(path)
    assert (shown.status_code, "altered or cut off" in shown.json()["detail"]) == (500, True)


def test_a_picture_whose_key_is_not_at_hand_is_told(place: Place) -> None:
    content = a_picture()
    path = _reported(place, content)
    with Place(replace(place.settings, evidence_key_file=None)) as without:
        answer = without.client().get(path, headers=place.person(Role.OPERATOR).headers)
    assert (answer.status_code, "no key file at hand holds it" in answer.json()["detail"]) == (500, True)


def test_a_bucket_serves_the_api_and_cases_are_read_while_it_is_away(bucket_place: Place, own_s3: S3Server) -> None:
    content = a_picture()
    path = _reported(bucket_place, content)
    operator = bucket_place.person(Role.OPERATOR)
    shown = operator.get(path)
    assert (shown.status_code, shown.content) == (200, content)
    assert operator.get(path.partition("/evidence")[0]).json()["evidence"][0]["state"] == "present"
    assert operator.get("/health/ready").status_code == 200
    with bucket_place.app.state.services.evidence._shelf.open(sha256_of(content)) as stored:
        assert content[:100] not in stored.read()
    waiting = _announced(bucket_place, a_picture())
    own_s3.kill()
    assert operator.get(path).status_code == 503
    assert operator.get("/health/ready").json()["evidence"] == "cannot be written"
    case = operator.get(waiting.partition("/evidence")[0])
    assert (case.status_code, case.json()["evidence"][0]["state"]) == (200, "pending")
