"""Whatever fails, and however logs are set up, no password reaches them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
import structlog

from api.logs import configure_logs
from api.people.logins import Attempt
from tests.api.place import Place

PASSWORD = "tell-no-one-of-this"


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


def _fails(_database: object, _passwords: object, attempt: Attempt, **__: object) -> NoReturn:
    kept = {"in a local variable": attempt.password}
    raise RuntimeError(f"the disk is gone after {len(kept)} logins")


@pytest.mark.parametrize("configured", [False, True])
def test_a_login_that_fails_on_our_side_shows_no_password(
    *,
    shared_sqlite_place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    configured: bool,
) -> None:
    if configured:
        configure_logs()
    monkeypatch.setattr("api.routes.sessions.log_in", _fails)
    answer = shared_sqlite_place.log_in("li", PASSWORD)
    out, err = capfd.readouterr()
    assert (answer.status_code, answer.json()["detail"]) == (500, "something went wrong on our side")
    assert "RuntimeError: the disk is gone after 1 logins" in out + err
    assert PASSWORD not in out + err + answer.text


def test_log_lines_are_json_on_standard_error_with_plain_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    log: Any = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(request_id="tell-me-apart"):
        try:
            _fails(None, None, Attempt("li", PASSWORD))
        except RuntimeError:
            log.exception("占道 failed")
    out, err = capsys.readouterr()
    line = json.loads(err)
    assert (out, line["event"], line["level"], line["request_id"]) == ("", "占道 failed", "error", "tell-me-apart")
    assert "in _fails" in line["exception"]
    assert PASSWORD not in err
