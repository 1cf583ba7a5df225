"""A case API on a fresh SQLite or PostgreSQL, and what a test says to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from api.settings import ApiSettings
from tests.api.place import Place
from tests.api.retention_site import Site
from tests.services.postgres import PostgresCluster
from tests.services.processes import missing
from tests.services.s3 import S3Server, running_s3, s3_is_installed

POSTGRESQL = "postgresql"
BUCKET = "evidence"
SettingsFactory = Callable[[str], ApiSettings]


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Every place hashes two; at its real cost argon2 would take half of all these tests' time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.people.passwords.PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=64))
        yield


@pytest.fixture
def settings_for(tmp_path: Path) -> SettingsFactory:
    """Settings of a place in a temporary folder, with the given database."""

    return lambda database_url: _settings_in(tmp_path, database_url)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cases.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def settings(settings_for: SettingsFactory, database_url: str) -> ApiSettings:
    return settings_for(database_url)


@pytest.fixture
def place(settings: ApiSettings) -> Iterator[Place]:
    """A running API on each kind of database."""
    with Place(settings) as made:
        yield made


@pytest.fixture
def sqlite_place(settings_for: SettingsFactory, tmp_path: Path) -> Iterator[Place]:
    """A running API on SQLite alone, for what no database matters to."""
    with Place(settings_for(f"sqlite:///{tmp_path / 'cases.db'}")) as made:
        yield made


@pytest.fixture(scope="session")
def shared_sqlite_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One running API on SQLite for all tests that mind no strangers' cases; use watches of your own."""
    folder = tmp_path_factory.mktemp("shared")
    with Place(_settings_in(folder, f"sqlite:///{folder / 'cases.db'}")) as made:
        yield made


@pytest.fixture(scope="session")
def shared_postgres_place(
    postgres_cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The same on PostgreSQL."""
    with postgres_cluster.database() as url, Place(_settings_in(tmp_path_factory.mktemp("shared"), url)) as made:
        yield made


@pytest.fixture(params=["sqlite", POSTGRESQL])
def shared_place(request: pytest.FixtureRequest) -> Place:
    """Both, one after the other."""
    name = "shared_postgres_place" if request.param == POSTGRESQL else "shared_sqlite_place"
    made: Place = request.getfixturevalue(name)
    return made


@pytest.fixture(scope="session")
def _shared_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if not s3_is_installed():
        missing("no moto server or no s3fs")
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def s3(_shared_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The session's S3 server, with its credentials in the environment; use prefixes of your own."""
    for name, value in _shared_s3.environment.items():
        monkeypatch.setenv(name, value)
    return _shared_s3


@pytest.fixture
def own_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An S3 server for this test alone, which may stop, kill and start it."""
    if not s3_is_installed():
        missing("no moto server or no s3fs")
    with running_s3(tmp_path) as server:
        server.make_bucket(BUCKET)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def site(place: Place) -> Site:
    """On each kind of database."""
    return Site(place)


@pytest.fixture
def sqlite_site(sqlite_place: Place) -> Site:
    return Site(sqlite_place)


def _settings_in(folder: Path, database_url: str) -> ApiSettings:
    return ApiSettings(
        database_url=database_url,
        evidence_dir=folder / "evidence",
        service_key_file=folder / "service.key",
        district="341122",
    )
