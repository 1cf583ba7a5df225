"""The gateway before a bucket, with encryption: durable when it says 201, and a plain 503 while the bucket is away."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.evidence.keys import make_key_file
from tests.ingest.centre import Centre, Edge
from tests.services.processes import missing
from tests.services.s3 import CREDENTIALS, S3Server, running_s3, s3_is_installed


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    if not s3_is_installed():
        missing("no moto server or no s3fs")
    with running_s3(tmp_path) as server:
        server.make_bucket("evidence")
        yield server


@pytest.fixture
def centre(s3: S3Server, tmp_path: Path, redis_url: str) -> Iterator[Centre]:
    made = Centre(tmp_path / "centre", redis_url=redis_url)
    make_key_file(tmp_path / "evidence.key")
    made.start_api_and_gateway(
        STREETCASE_EVIDENCE_URL="s3://evidence/site-1",
        STREETCASE_EVIDENCE_KEY_FILE=str(tmp_path / "evidence.key"),
        **s3.environment,
    )
    yield made
    made.close()


@pytest.fixture
def edge(centre: Centre) -> Iterator[Edge]:
    made = centre.edge("gate-1")
    with made.http:
        yield made


def _sent(edge: Edge, text: bytes) -> httpx.Response:
    name = hashlib.sha256(text).hexdigest()
    return edge.http.put(f"/ingest/v1/evidence/{name}", content=text, headers={"Content-Type": "text/csv"}, timeout=60)


def test_uploads_outlive_a_bucket_that_goes_away(*, edge: Edge, centre: Centre, s3: S3Server, tmp_path: Path) -> None:
    text = os.urandom(500_000).hex().encode()
    name = hashlib.sha256(text).hexdigest()
    assert [_sent(edge, text).status_code for _ in range(2)] == [201, 200]
    assert s3.keys("evidence", "site-1") == [f"site-1/{name[:2]}/{name[2:4]}/{name}"]
    assert edge.http.post("/ingest/v1/evidence/missing", json={"sha256s": [name, "0" * 64]}).json() == {
        "missing": ["0" * 64]
    }
    s3.kill()
    for answer in (_sent(edge, text), _sent(edge, b"a,b\n"), edge.http.head(f"/ingest/v1/evidence/{name}", timeout=60)):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    log = (tmp_path / "centre/gateway.log").read_text()
    assert "Traceback" not in log
    assert all(value not in log for value in CREDENTIALS.values())
    assert [path for path in centre.evidence_dir.rglob("*") if path.is_file()] == []
    s3.start()
    s3.make_bucket("evidence")
    assert edge.http.head(f"/ingest/v1/evidence/{name}").status_code == 404
    assert _sent(edge, text).status_code == 201
