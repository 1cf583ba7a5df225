"""A box registers itself through the gateway, by the command that stands on it."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from ingest.registration_door import AT_ONCE, BODY_MAX_BYTES
from streetcase.commands.edge import edge_app
from tests.ingest.centre import Centre
from tests.ingest.conftest import CentreFactory
from tests.services.ports import HOST, free_port

DOOR = "/ingest/v1/edges/register"


@pytest.fixture(scope="module")
def centre(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre of these tests' own, as the door counts who comes from this address."""
    centre = Centre(tmp_path_factory.mktemp("centre"), redis_url=redis_url)
    centre.start_api_and_gateway()
    yield centre
    centre.close()


def url_of(centre: Centre) -> str:
    return f"http://{HOST}:{centre.gateway_port}"


@pytest.fixture
def token(centre: Centre) -> str:
    return new_token(centre, f"box-{uuid.uuid4().hex[:12]}")


def new_token(centre: Centre, edge_id: str) -> str:
    from datetime import UTC, datetime, timedelta

    from api.database import Database
    from api.edges.registration import new_token as make
    from api.settings import ApiSettings

    database = Database(ApiSettings.from_environment(centre.environment).database_url)
    with database.write() as session:
        made = make(session, edge_id, lasts=timedelta(hours=1), by="person:test", at=datetime.now(UTC))
    database.close()
    return made.secret


def test_the_command_gets_a_key_that_the_gateway_accepts(centre: Centre, tmp_path: Path) -> None:
    edge_id = f"box-{uuid.uuid4().hex[:12]}"
    key_file = tmp_path / "edge.key"
    token = new_token(centre, edge_id)
    told = CliRunner().invoke(edge_app, ["register", url_of(centre), "--key-file", str(key_file)], input=f"{token}\n")
    assert told.exit_code == 0, told.output
    assert f"registered as {edge_id}" in told.output
    key = key_file.read_text().strip()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert key not in told.output
    assert token not in told.output
    headers = {"Authorization": f"Bearer {key}"}
    asked = httpx.get(url_of(centre) + "/ingest/v1/edges/me/config", headers=headers, trust_env=False)
    assert asked.status_code == 204
    again = CliRunner().invoke(
        edge_app, ["register", url_of(centre), token, "--key-file", str(tmp_path / "second.key")]
    )
    assert (again.exit_code, "does not accept this token" in again.stderr) == (2, True)
    assert not (tmp_path / "second.key").exists()


def test_a_file_that_is_there_is_left_alone_and_the_token_stays_good(
    centre: Centre, token: str, tmp_path: Path
) -> None:
    taken = tmp_path / "edge.key"
    taken.write_text("somebody's")
    environment = {"STREETCASE_EDGE_TOKEN": token}
    runner = CliRunner(env=environment)
    told = runner.invoke(edge_app, ["register", url_of(centre), "--key-file", str(taken)])
    assert (told.exit_code, "exists" in told.stderr, taken.read_text()) == (2, True, "somebody's")
    nowhere = runner.invoke(edge_app, ["register", url_of(centre), "--key-file", str(tmp_path / "no" / "edge.key")])
    assert (nowhere.exit_code, "No such file" in nowhere.stderr) == (2, True)
    good = runner.invoke(edge_app, ["register", url_of(centre), "--key-file", str(tmp_path / "new.key")])
    assert good.exit_code == 0, good.output


def test_a_centre_that_is_away_or_no_address_is_told(tmp_path: Path) -> None:
    file = tmp_path / "edge.key"
    for url, said in ((f"http://{HOST}:{free_port()}", "ConnectError"), ("gateway", "url")):
        told = CliRunner().invoke(edge_app, ["register", url, "et_x", "--key-file", str(file)])
        assert (told.exit_code, said in told.stderr) == (2, True), told.output
        assert not file.exists()
    none = CliRunner().invoke(edge_app, ["register", f"http://{HOST}:1", "--key-file", str(file)], input="\n")
    assert (none.exit_code, "no token" in none.stderr) == (2, True)


def test_what_is_no_registration_is_refused_and_each_address_is_kept_to_a_rate(
    new_centre: CentreFactory, redis_url: str
) -> None:
    centre = new_centre(redis_url)
    centre.start_api_and_gateway()
    with httpx.Client(base_url=url_of(centre), trust_env=False) as stranger:
        statuses = [
            stranger.post(DOOR, content=body).status_code
            for body in (b"", b"{}", b'{"token": ""}', b'{"token": "et_guess"}', b"x" * (BODY_MAX_BYTES + 1), b"\xff")
        ]
        assert statuses == [400, 422, 422, 403, 413, 400]
        assert stranger.get(DOOR).status_code == 405
        more = [stranger.post(DOOR, json={"token": "et_guess"}) for _ in range(AT_ONCE)]
    assert {answer.status_code for answer in more} == {403, 429}
    assert int(more[-1].headers["Retry-After"]) >= 1


def test_while_the_api_is_away_the_box_is_asked_to_wait(new_centre: CentreFactory, redis_url: str) -> None:
    centre = new_centre(redis_url)
    centre.start_gateway()
    answer = httpx.post(url_of(centre) + DOOR, json={"token": "et_x"}, trust_env=False)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
