"""An edge asks what is missing before it sends, so that a broken upload or a redelivery costs no second one."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import httpx
import pytest

from ingest.contract import EVIDENCE_PER_QUESTION
from tests.ingest.centre import Edge


def missing_of(edge: Edge, *names: Any) -> httpx.Response:
    return edge.http.post("/ingest/v1/evidence/missing", json={"sha256s": list(names)})


def test_an_edge_asks_what_is_missing_before_it_sends(edge: Edge) -> None:
    text = f"time,value\n1,{uuid.uuid4().int % 1000}\n".encode()
    present = hashlib.sha256(text).hexdigest()
    edge.http.put(f"/ingest/v1/evidence/{present}", content=text, headers={"Content-Type": "text/csv"})
    unknown = [f"{number:064x}" for number in range(EVIDENCE_PER_QUESTION - 1)]
    answer = missing_of(edge, *reversed(unknown), present)
    assert (answer.status_code, answer.json()) == (200, {"missing": unknown[::-1]})
    assert missing_of(edge).json() == {"missing": []}
    assert missing_of(edge, present, unknown[0], present, unknown[0]).json() == {"missing": [unknown[0]] * 2}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 422),
        (b'{"sha256s": "all"}', 422),
        (b'{"sha256s": ["../../etc/passwd"]}', 422),
        (b'{"sha256s": ["%s"]}' % (b"G" * 64), 422),
        (b'{"sha256s": [%s]}' % b",".join([b'"%s"' % (b"0" * 64)] * 501), 422),
        (b" " * 100_001, 413),
        (b"[" * 90_000, 400),
    ],
    ids=range(8),
)
def test_a_broken_question_is_refused(edge: Edge, body: bytes, status: int) -> None:
    assert edge.http.post("/ingest/v1/evidence/missing", content=body).status_code == status
