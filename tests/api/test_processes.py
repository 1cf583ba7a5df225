"""Several processes serve as one: they count together, the dead are replaced, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import processes
from api.app import create_app
from api.first_start import prepare
from api.settings import ApiSettings, SettingsError
from tests.services.ports import free_port
from tests.services.processes import wait_until

SOON_S = 40.0
PROCESSES = 2


class Served:
    """A site on PostgreSQL, its command's process, and its administrator's session."""

    def __init__(self, folder: Path, postgres_url: str) -> None:
        self.environment = {
            "STREETCASE_DATABASE_URL": postgres_url,
            "STREETCASE_EVIDENCE_DIR": str(folder / "evidence"),
            "STREETCASE_SERVICE_KEY_FILE": str(folder / "service.key"),
        }
        first = prepare(ApiSettings.from_environment(self.environment))
        self._login = {"name": "administrator", "password": first.administrator_password}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self, more: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "streetcase", "api", "serve", "--processes", str(PROCESSES)]
        environment = {**os.environ, **self.environment, **(more or {})}
        process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=environment, stderr=subprocess.PIPE, text=True
        )
        left: list[int] = []
        try:
            yield process
            left = _serving(process.pid)
        finally:
            process.kill()
            process.communicate()
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def is_live(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/live", timeout=5).is_success
        except httpx.TransportError:
            return False

    def token(self) -> str:
        answer = httpx.post(f"{self.url}/api/v1/sessions", json=self._login, timeout=20)
        assert answer.is_success, answer.text
        return str(answer.json()["token"])


@pytest.fixture
def served(tmp_path: Path, postgres_url: str) -> Served:
    return Served(tmp_path, postgres_url)


def test_they_count_together_are_replaced_and_end_together(served: Served) -> None:
    with served.running() as parent:
        wait_until(served.is_live, timeout_s=SOON_S, what="the API")
        wait_until(lambda: len(_serving(parent.pid)) == PROCESSES, timeout_s=SOON_S, what="both processes")
        headers = {"Authorization": f"Bearer {served.token()}"}
        for _ in range(40):
            assert httpx.get(f"{served.url}/api/v1/me", headers=headers).status_code == 200
        told = httpx.get(f"{served.url}/metrics", headers=headers).text
        assert _counted(told, "/api/v1/me") == 40

        killed, other = _serving(parent.pid)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: killed not in _serving(parent.pid), timeout_s=5, what="the end of the killed one")
        wait_until(lambda: len(_serving(parent.pid)) == PROCESSES, timeout_s=SOON_S, what="another one")
        assert other in _serving(parent.pid)
        wait_until(served.is_live, timeout_s=5, what="an answer")
        assert _counted(httpx.get(f"{served.url}/metrics", headers=headers).text, "/api/v1/me") == 40

        children = _serving(parent.pid)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(20) == 0
        assert not [pid for pid in children if _lives(pid)]


def test_none_outlives_a_parent_that_is_killed_and_its_successor_serves(served: Served) -> None:
    with served.running() as parent:
        wait_until(served.is_live, timeout_s=SOON_S, what="the API")
        children = _serving(parent.pid)
        parent.kill()
        parent.wait()
        assert _counting_folders(parent.pid)
        with served.running():
            wait_until(lambda: not any(map(_lives, children)), timeout_s=10, what="the end of the orphans")
            wait_until(served.is_live, timeout_s=SOON_S, what="the successor")
            assert not _counting_folders(parent.pid)


def test_one_that_hangs_is_ended_and_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HANGS_AFTER_S", 2.0)
    settings = ApiSettings(f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "evidence", tmp_path / "key", processes=1)
    prepare(settings)
    watched, stop = processes._Watched(settings, ("127.0.0.1", free_port()), create_app), threading.Event()
    tending = threading.Thread(target=watched.until, args=(stop,))
    tending.start()
    try:
        wait_until(lambda: _beats(watched) != [], timeout_s=SOON_S, what="the first one")
        [hanging] = _beats(watched)
        os.kill(hanging, signal.SIGSTOP)
        wait_until(lambda: _beats(watched) not in ([], [hanging]), timeout_s=SOON_S, what="another one")
        assert not _lives(hanging)
    finally:
        stop.set()
        tending.join(30)
    assert not tending.is_alive()
    assert not any(one.process.is_alive() for one in watched._serving)


def test_a_mistake_in_the_settings_is_told_once_and_ends_it(served: Served) -> None:
    with served.running({"STREETCASE_EVIDENCE_KEY_FILE": "/nowhere/evidence.key"}) as parent:
        assert parent.wait(SOON_S) == 2
        assert parent.stderr is not None
        said = parent.stderr.read()
    assert "/nowhere/evidence.key" in said
    assert "Traceback" not in said


def test_a_port_that_somebody_else_has_is_told(served: Served) -> None:
    with socket.socket() as other, served.running() as parent:
        other.bind(("127.0.0.1", served.port))
        other.listen()
        assert parent.wait(SOON_S) == 2
        assert parent.stderr is not None
        assert f"port {served.port} of 127.0.0.1: Address already in use" in parent.stderr.read()


@pytest.mark.parametrize(
    ("url", "asked", "expected"),
    [("sqlite:////x.db", "", 1), ("sqlite:////x.db", "3", 3), ("postgresql://h/n", "5", 5)],
)
def test_sqlite_is_served_by_one_unless_told_otherwise(url: str, asked: str, expected: int) -> None:
    assert _settings(url, asked).processes == expected


def test_postgresql_is_served_by_a_few() -> None:
    assert 1 <= _settings("postgresql://h/n", "0").processes <= 4
    with pytest.raises(SettingsError, match="STREETCASE_API_PROCESSES: expected a whole number, got 'two'"):
        _settings("postgresql://h/n", "two")
    with pytest.raises(SettingsError, match="processes: expected 0 to 64, got 65"):
        _settings("postgresql://h/n", "65")


def _settings(url: str, processes: str) -> ApiSettings:
    return ApiSettings.from_environment(
        {
            "STREETCASE_DATABASE_URL": url,
            "STREETCASE_EVIDENCE_DIR": "/e",
            "STREETCASE_SERVICE_KEY_FILE": "/k",
            "STREETCASE_API_PROCESSES": processes,
        }
    )


def _counted(told: str, route: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name == "streetcase_requests_total" and sample.labels["route"] == route
    )


def _beats(watched: processes._Watched) -> list[int]:
    """The processes that have begun to serve."""
    return [one.process.pid or 0 for one in watched._serving if one.beat_s.value]


def _serving(parent: int) -> list[int]:
    """Its children, without the one by which Python keeps count of semaphores."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [int(pid) for pid in children if b"spawn_main" in _command_line(pid)]


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _counting_folders(parent: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"streetcase-api-{parent}-*"))  # noqa: S108 - they are only looked for


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
