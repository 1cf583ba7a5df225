"""Settings of the entry points: what is missing is named, and secrets stay hidden."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingest.settings import GatewaySettings, SettingsError, WorkerSettings


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "service.key").write_text("sc_service_secret\n")
    return {
        "STREETCASE_REDIS_URL": "redis://:hidden@127.0.0.1:6379/0",
        "STREETCASE_API_URL": "http://127.0.0.1:8000",
        "STREETCASE_SERVICE_KEY_FILE": str(tmp_path / "service.key"),
        "STREETCASE_EVIDENCE_DIR": str(tmp_path / "evidence"),
        "STREETCASE_ARCHIVE_DIR": str(tmp_path / "archive"),
    }


def test_the_defaults_are_the_safe_ones(environment: dict[str, str]) -> None:
    gateway = GatewaySettings.from_environment(environment)
    worker = WorkerSettings.from_environment(environment)
    assert (gateway.stream_prefix, gateway.lossy) == ("streetcase", False)
    assert (worker.stuck_after_s, worker.batch, worker.lossy) == (30, 200, False)
    assert worker.worker_name


def test_secrets_are_read_and_never_shown(environment: dict[str, str]) -> None:
    gateway = GatewaySettings.from_environment(environment)
    assert gateway.service_key == "sc_service_secret"
    for settings in (gateway, WorkerSettings.from_environment(environment)):
        assert "hidden" not in repr(settings)
        assert "sc_service_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"STREETCASE_REDIS_URL": ""}, "STREETCASE_REDIS_URL is not set"),
        ({"STREETCASE_LOSSY": "perhaps"}, "STREETCASE_LOSSY needs 1 or 0, got 'perhaps'"),
        ({"STREETCASE_STREAM_LIMIT": "-3"}, "STREETCASE_STREAM_LIMIT needs a whole number from 1 to 1,000,000,000,000"),
        ({"STREETCASE_STREAM_LIMIT": "9" * 5000}, "STREETCASE_STREAM_LIMIT needs a whole number"),
        ({"STREETCASE_STREAM_PARTITIONS": "1001"}, "STREETCASE_STREAM_PARTITIONS needs a whole number from 1 to 1,000"),
        ({"STREETCASE_STREAM_PREFIX": "a}b"}, "STREETCASE_STREAM_PREFIX needs letters, digits"),
        ({"STREETCASE_API_URL": "api:8000"}, "STREETCASE_API_URL needs an address like http://"),
        ({"STREETCASE_API_URL": "http://[::1"}, "STREETCASE_API_URL needs an address like http://"),
        ({"STREETCASE_SERVICE_KEY_FILE": "/nowhere/service.key"}, "no service key in /nowhere/service.key after 0 s"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], change: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        GatewaySettings.from_environment(environment | change, key_wait_s=0)


def test_an_empty_prefix_is_the_usual_one(environment: dict[str, str]) -> None:
    assert WorkerSettings.from_environment(environment | {"STREETCASE_STREAM_PREFIX": ""}).stream_prefix == "streetcase"


def test_the_key_file_is_waited_for(environment: dict[str, str], tmp_path: Path) -> None:
    late = tmp_path / "late.key"
    timer = threading.Timer(0.2, lambda: late.write_text("sc_late"))
    timer.start()
    late_environment = environment | {"STREETCASE_SERVICE_KEY_FILE": str(late)}
    assert WorkerSettings.from_environment(late_environment, key_wait_s=10).service_key == "sc_late"
    timer.join()
