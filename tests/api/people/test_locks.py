"""Guessers are locked out where they are; whom they guess at still logs in from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from api.people.accounts import LoginLocked, LoginRefused, forget_failures
from api.people.addresses import address_group, believed
from api.people.logins import FREE_FAILURES, FREE_FAILURES_OF_NAME, Attempt, log_in
from api.people.sessions import Lasting
from tests.api.conftest import SettingsFactory
from tests.api.place import Place


def _try(place: Place, address: str, password: str, *, hours: float = 0) -> str:
    services = place.app.state.services
    now, lasting = services.clock() + timedelta(hours=hours), Lasting.of(place.settings)
    attempt = Attempt("administrator", password, address)
    try:
        log_in(services.database, services.passwords, attempt, now=now, lasting=lasting)
    except (LoginLocked, LoginRefused) as error:
        return type(error).__name__
    return "in"


def test_a_stranger_locks_out_nobody_but_the_own_address(place: Place) -> None:
    password = str(place.administrator_password)
    guesses = [_try(place, "198.51.100.7", "wrong") for _ in range(FREE_FAILURES + 1)]
    assert guesses == ["LoginRefused"] * FREE_FAILURES + ["LoginLocked"]
    assert _try(place, "198.51.100.7", password) == "LoginLocked"
    assert _try(place, "203.0.113.1", password) == "in"


def test_many_addresses_lock_a_name_but_not_where_it_is_known(sqlite_place: Place) -> None:
    password = str(sqlite_place.administrator_password)
    assert _try(sqlite_place, "203.0.113.1", password) == "in"
    guesses = [_try(sqlite_place, f"198.51.100.{number // 4}", "wrong") for number in range(FREE_FAILURES_OF_NAME)]
    assert set(guesses) == {"LoginRefused"}
    assert _try(sqlite_place, "192.0.2.1", password) == "LoginLocked"
    assert _try(sqlite_place, "203.0.113.1", password) == "in"
    assert _try(sqlite_place, "192.0.2.1", password) == "in", "a success forgets the name's failures"


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(settings_for: SettingsFactory, tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'cases.db'}")
    password: str | None = None
    for trusted, expected in (((), 429), ((ip_network("127.0.0.0/8"),), 201)):
        with Place(replace(settings, trusted_proxies=trusted)) as place:
            password = place.administrator_password or password
            for _ in range(FREE_FAILURES + 1):
                _post(place, "wrong", "198.51.100.7")
            assert _post(place, str(password), "203.0.113.1").status_code == expected
            with place.app.state.services.database.write() as session:
                forget_failures(session, "administrator")


def _post(place: Place, password: str, forwarded: str) -> httpx.Response:
    body, headers = {"name": "administrator", "password": password}, {"X-Forwarded-For": forwarded}
    return place.client().post("/api/v1/sessions", json=body, headers=headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.9", "203.0.113.1", "192.0.2.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "no address", "no address"),
        ("", "203.0.113.1", ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_is_the_client_s(peer: str, forwarded: str, expected: str) -> None:
    assert believed(peer, forwarded, [ip_network("10.0.0.0/8")]) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "-"),
        ("", "-"),
    ],
)
def test_failures_are_counted_for_an_address_or_a_network_of_ipv6(address: str, expected: str) -> None:
    assert address_group(address) == expected
