"""``streetcase ingest gateway``: what a user can mend is told in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streetcase.commands.ingest import ingest_app


@pytest.fixture
def garbage(tmp_path: Path) -> str:
    file = tmp_path / "certificate.pem"
    file.write_text("no certificate")
    return str(file)


def test_a_certificate_that_is_none_is_told(garbage: str) -> None:
    told = CliRunner().invoke(ingest_app, ["gateway", "--tls-certificate", garbage, "--tls-key", garbage])
    assert told.exit_code == 2
    assert "are no certificate (PEM) and its own private key" in told.stderr


def test_a_certificate_without_its_key_or_its_file_is_told(garbage: str) -> None:
    alone = CliRunner().invoke(ingest_app, ["gateway", "--tls-certificate", garbage])
    assert (alone.exit_code, alone.stderr) == (2, "TLS needs both --tls-certificate and --tls-key\n")
    gone = CliRunner().invoke(ingest_app, ["gateway", "--tls-certificate", garbage, "--tls-key", "/nowhere"])
    assert (gone.exit_code, gone.stderr) == (2, "/nowhere cannot be read\n")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    assert CliRunner().invoke(ingest_app, ["gateway", "--port", port]).exit_code == 2
