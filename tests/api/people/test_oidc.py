"""People log in by an identity provider, a real one on this machine, and nobody else does."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from api.people.oidc_settings import GivenRole, OidcSettings
from api.rights import Role
from api.settings import ApiSettings, SettingsError
from tests.api.conftest import SettingsFactory
from tests.api.people.conftest import Somebody
from tests.api.place import Place
from tests.services.ports import HOST, free_port
from tests.services.processes import Process

ROLES = {"city-ops": GivenRole(Role.OPERATOR), "cleaners": GivenRole(Role.HANDLER, "sanitation")}
USERS = (
    {"sub": "sub-wang", "email": "wang@example.org", "email_verified": True},
    {"sub": "sub-fake", "email": "zhao@example.org", "email_verified": False},
    {"sub": "sub-cleaner", "preferred_username": "chen", "name": "陈", "groups": ["x", "cleaners"]},
    {"sub": "sub-thief", "preferred_username": "administrator", "groups": ["city-ops"]},
    {"sub": "sub-nobody", "groups": "none of ours"},
)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "oidc_provider_mock",
        "--port",
        str(port),
        "--require-nonce",
        "true",
    ]
    command += [part for user in USERS for part in ("--user-claims", json.dumps(user))]
    provider = Process(command, log=tmp_path_factory.mktemp("oidc") / "log")
    url = f"http://{HOST}:{port}"
    try:
        provider.wait_ready(lambda: _answers(url))
        yield url
    finally:
        provider.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def _served(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield
    server.shutdown()
    thread.join(5)
    server.server_close()


def _oidc(issuer: str, **changes: Any) -> OidcSettings:
    about: dict[str, Any] = {
        "issuer": issuer,
        "client_id": "streetcase",
        "client_secret": "a secret of the tests",
        "redirect_url": "http://127.0.0.1/api/v1/sessions/oidc/callback",
        "match_claim": "email",
        "roles": ROLES,
    }
    return OidcSettings(**about | changes)


@pytest.fixture
def settings(settings_for: SettingsFactory, tmp_path: Path) -> ApiSettings:
    return settings_for(f"sqlite:///{tmp_path / 'cases.db'}")


@pytest.fixture
def oidc_place(settings: ApiSettings, issuer: str) -> Iterator[Place]:
    with Place(replace(settings, oidc=_oidc(issuer))) as made:
        yield made


def _start(place: Place) -> tuple[httpx.Client, str]:
    browser = place.client()
    started = browser.get("/api/v1/sessions/oidc/start")
    assert started.status_code == 307, started.text
    return browser, started.headers["Location"]


def _allow(address: str, sub: str) -> dict[str, str]:
    """What the provider sends the browser back with, after ``sub`` has logged in there."""
    answer = httpx.post(address, data={"sub": sub}, trust_env=False)
    assert answer.status_code in (302, 303), answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _log_in(place: Place, sub: str) -> httpx.Response:
    browser, address = _start(place)
    return browser.get("/api/v1/sessions/oidc/callback", params=_allow(address, sub))


def test_whoever_the_provider_vouches_for_gets_a_session(oidc_place: Place, add: Somebody) -> None:
    person = add(oidc_place, name="wang@example.org", role="supervisor")
    for _ in range(2):
        opened = _log_in(oidc_place, "sub-wang")
        assert opened.status_code == 200, opened.text
        assert opened.headers["Cache-Control"] == "no-store"
        me = oidc_place.client(opened.json()["token"]).get("/api/v1/me").json()
        assert (me["name"], me["role"]) == ("wang@example.org", "supervisor")
    rows = oidc_place.person(Role.SUPERVISOR).get("/api/v1/audit", params={"subject": f"person:{person['name']}"})
    acts = [row["details"]["act"] for row in reversed(rows.json()["items"])]
    assert acts == ["added", "subject_linked", "logged_in", "logged_in"]
    oidc_place.person(Role.ADMINISTRATOR).post(f"/api/v1/people/{person['id']}/disable")
    assert _log_in(oidc_place, "sub-wang").status_code == 403


def test_the_browser_is_sent_with_state_nonce_and_pkce(oidc_place: Place, issuer: str) -> None:
    browser, address = _start(oidc_place)
    query = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{issuer}/")
    assert query["redirect_uri"] == ["http://127.0.0.1/api/v1/sessions/oidc/callback"]
    assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
    assert len({query[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    assert query["state"][0] in browser.cookies["streetcase_oidc"]
    assert query["code_challenge"][0] not in browser.cookies["streetcase_oidc"]


@pytest.mark.parametrize(
    ("sub", "expected"), [("sub-fake", 403), ("sub-nobody", 403), ("sub-thief", 403), ("sub-cleaner", 200)]
)
def test_only_those_with_a_role_are_added_and_nobody_takes_a_name(
    oidc_place: Place, add: Somebody, sub: str, expected: int
) -> None:
    add(oidc_place, name="zhao@example.org")
    opened = _log_in(oidc_place, sub)
    assert opened.status_code == expected, opened.text
    if expected == 200:
        about = opened.json()
        assert (about["name"], about["role"], about["department"]) == ("chen", "handler", "sanitation")
        assert oidc_place.log_in("chen", "").status_code == 422
        assert oidc_place.log_in("chen", "x").status_code == 401


def test_an_answer_that_was_not_asked_for_is_refused(oidc_place: Place, add: Somebody) -> None:
    add(oidc_place, name="wang@example.org")
    browser, address = _start(oidc_place)
    answer = _allow(address, "sub-wang")
    where = "/api/v1/sessions/oidc/callback"
    stranger, _ = _start(oidc_place)
    refused = [
        oidc_place.client().get(where, params=answer),
        stranger.get(where, params=answer),
        browser.get(where, params=answer | {"state": "another"}),
        browser.get(where, params={"state": answer["state"], "error": "access_denied"}),
        browser.get(where, params=answer | {"code": "made up"}),
    ]
    assert [one.status_code for one in refused] == [400] * 5
    assert browser.get(where, params={"code": answer["code"]}).status_code == 422
    assert browser.get(where, params=answer).status_code == 200
    again = oidc_place.client()
    again.cookies.set("streetcase_oidc", f"{answer['state']}.nonce.verifier")
    assert again.get(where, params=answer).status_code == 400, "a code counts once"


def test_a_token_for_another_login_is_refused(oidc_place: Place, add: Somebody) -> None:
    """Somebody slips the code of a login elsewhere into this one: the nonce tells."""
    add(oidc_place, name="wang@example.org")
    _, elsewhere = _start(oidc_place)
    browser, address = _start(oidc_place)
    state = parse_qs(urlsplit(address).query)["state"][0]
    answer = {"code": _allow(elsewhere, "sub-wang")["code"], "state": state}
    assert browser.get("/api/v1/sessions/oidc/callback", params=answer).status_code == 502


def test_without_a_provider_there_is_no_such_way(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    assert client.get("/api/v1/sessions/oidc/start").status_code == 404
    assert client.get("/api/v1/sessions/oidc/callback", params={"state": "a", "code": "b"}).status_code == 404


class _Broken(BaseHTTPRequestHandler):
    """A provider that answers as ``says`` has it, by path."""

    says: ClassVar[dict[str, tuple[int, bytes]]] = {}

    def do_GET(self) -> None:
        status, body = self.says.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_about: object) -> None: ...


@pytest.mark.parametrize(
    "metadata",
    [
        (500, b""),
        (200, b"no json"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"issuer": "https://other.example"}'),
        (200, b'{"issuer": "ISSUER"}'),
        (200, b'{"issuer": "ISSUER", "authorization_endpoint": "javascript:alert(1)"}'),
        (200, b" " * 1_000_001),
        (302, b""),
    ],
    ids=lambda said: str(said[1][:40]),
)
def test_a_provider_that_fails_is_a_bad_gateway(settings: ApiSettings, metadata: tuple[int, bytes]) -> None:
    server = ThreadingHTTPServer((HOST, 0), _Broken)
    issuer = f"http://{HOST}:{server.server_port}"
    _Broken.says = {"/.well-known/openid-configuration": (metadata[0], metadata[1].replace(b"ISSUER", issuer.encode()))}
    with _served(server), Place(replace(settings, oidc=_oidc(issuer))) as place:
        answer = place.client().get("/api/v1/sessions/oidc/start")
        assert (answer.status_code, answer.headers["Content-Type"]) == (502, "application/problem+json")


def test_a_provider_that_is_not_there_is_a_bad_gateway(settings: ApiSettings) -> None:
    with Place(replace(settings, oidc=_oidc(f"http://{HOST}:9"))) as place:
        assert place.client().get("/api/v1/sessions/oidc/start").status_code == 502


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"STREETCASE_OIDC_CLIENT_ID": ""}, "STREETCASE_OIDC_CLIENT_ID"),
        ({"STREETCASE_OIDC_ISSUER": "http://idp.example"}, "STREETCASE_OIDC_ISSUER"),
        ({"STREETCASE_OIDC_REDIRECT_URL": "nowhere"}, "STREETCASE_OIDC_REDIRECT_URL"),
        ({"STREETCASE_OIDC_MATCH_CLAIM": "nickname"}, "STREETCASE_OIDC_MATCH_CLAIM"),
        ({"STREETCASE_OIDC_CLIENT_SECRET_FILE": "/no/such/file"}, "STREETCASE_OIDC_CLIENT_SECRET_FILE"),
        ({"STREETCASE_OIDC_ROLES": "ops=emperor"}, "STREETCASE_OIDC_ROLES"),
        ({"STREETCASE_OIDC_ROLES": "ops=handler"}, "STREETCASE_OIDC_ROLES"),
        ({"STREETCASE_OIDC_ROLES": "ops=operator:sanitation"}, "STREETCASE_OIDC_ROLES"),
    ],
    ids=str,
)
def test_settings_say_what_is_wrong(tmp_path: Path, changes: dict[str, str], expected: str | None) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{uuid4()}\n")
    environ = {
        "STREETCASE_EVIDENCE_DIR": str(tmp_path),
        "STREETCASE_SERVICE_KEY_FILE": str(tmp_path / "key"),
        "STREETCASE_OIDC_ISSUER": "https://idp.example/realm/",
        "STREETCASE_OIDC_CLIENT_ID": "streetcase",
        "STREETCASE_OIDC_CLIENT_SECRET_FILE": str(secret),
        "STREETCASE_OIDC_REDIRECT_URL": "https://city.example/api/v1/sessions/oidc/callback",
        "STREETCASE_OIDC_ROLES": "city ops=operator, cleaners=handler:sanitation",
    }
    if expected:
        with pytest.raises(SettingsError, match=expected):
            ApiSettings.from_environment(environ | changes)
        return
    found = ApiSettings.from_environment(environ).oidc
    assert found is not None
    assert (found.issuer, found.roles["cleaners"].department) == ("https://idp.example/realm", "sanitation")
    assert secret.read_text().strip() not in json.dumps(str(found))
