"""Evidence in a bucket: all of an item or none, seen by every process, and clear words when the bucket is away."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

from api.evidence_store import (
    EvidenceMisconfigured,
    EvidenceMissing,
    EvidenceRefused,
    EvidenceSettings,
    EvidenceStore,
    EvidenceUnavailable,
    Kept,
    open_evidence_store,
)
from tests.api.conftest import BUCKET
from tests.api.pictures import a_picture, a_table, pieces, png_of_claimed_size, put, sha256_of
from tests.services.ports import HOST, free_port
from tests.services.s3 import CREDENTIALS, S3Server

LARGEST = 20_000_000


def _opened(folder: Path, prefix: str = "") -> EvidenceStore:
    store = open_evidence_store(EvidenceSettings(folder / "evidence", f"s3://{BUCKET}/{prefix or folder.name}"))
    store.prepare()
    return store


@pytest.fixture
def store(s3: S3Server, tmp_path: Path) -> EvidenceStore:
    return _opened(tmp_path)


def _left_locally(folder: Path) -> list[Path]:
    return [path for path in (folder / "evidence").rglob("*") if path.is_file()]


def _kept(server: S3Server, prefix: str) -> list[str]:
    return [key.rpartition("/")[2] for key in server.keys(BUCKET, prefix) if not key.endswith(".writable")]


def test_an_item_comes_back_as_it_was_and_nothing_of_it_stays_on_the_disk(store: EvidenceStore, tmp_path: Path) -> None:
    content = a_picture()
    sha256 = sha256_of(content)
    assert store.missing([sha256, "0" * 64]) == [sha256, "0" * 64]
    assert [put(store, content) for _ in range(2)] == [Kept.STORED, Kept.PRESENT]
    assert (store.exists(sha256), store.size(sha256), store.media_type(sha256)) == (True, len(content), "image/jpeg")
    with store.open(sha256) as file:
        assert file.read() == content
    assert store.missing([sha256, "0" * 64]) == ["0" * 64]
    assert [item.sha256 for item in store.items()] == [sha256]
    assert [store.remove(sha256), store.remove(sha256), store.exists(sha256)] == [True, False, False]
    with pytest.raises(EvidenceMissing):
        store.open(sha256)
    assert _left_locally(tmp_path) == []


def test_what_another_process_wrote_or_removed_is_seen_at_once(store: EvidenceStore, tmp_path: Path) -> None:
    content, other = a_picture(), _opened(tmp_path / "other", tmp_path.name)
    assert not store.exists(sha256_of(content))
    put(other, content)
    assert store.exists(sha256_of(content))
    other.remove(sha256_of(content))
    assert not store.exists(sha256_of(content))


def test_any_part_of_a_large_item_is_read_without_the_rest(store: EvidenceStore) -> None:
    content = a_table(3_000_000)
    store.put_stream(sha256_of(content), pieces(content, 65_536), LARGEST, "text/csv")
    with store.open(sha256_of(content)) as file:
        for start, size in ((0, 10), (2_999_990, 100), (1_048_570, 20), (5, 2_000_000)):
            file.seek(start)
            assert file.read(size) == content[start : start + size]


def test_an_item_is_read_in_few_requests(store: EvidenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.evidence.bucket import BucketShelf

    content, read, asked = a_table(3_000_000), BucketShelf.read, []

    def counted(shelf: BucketShelf, sha256: str, start: int, stop: int) -> bytes:
        asked.append(stop - start)
        return read(shelf, sha256, start, stop)

    store.put_stream(sha256_of(content), pieces(content, 65_536), LARGEST, "text/csv")
    monkeypatch.setattr(BucketShelf, "read", counted)
    for size_bytes in (65_536, -1):
        with store.open(sha256_of(content)) as file:
            assert b"".join(iter(lambda: file.read(size_bytes), b"")) == content  # noqa: B023
    assert len(asked) <= 6


def test_all_pages_of_a_list_are_gone_through(
    store: EvidenceStore, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.evidence.bucket.PAGE_ITEMS", 10)
    names = sorted(f"{number:064x}" for number in range(25))
    for name in names:
        s3.replace(BUCKET, f"{tmp_path.name}/{name[:2]}/{name[2:4]}/{name}", b"x")
    s3.replace(BUCKET, f"{tmp_path.name}/no-evidence", b"x")
    assert sorted(item.sha256 for item in store.items()) == names


@pytest.mark.parametrize(
    ("content", "media_type"), [(png_of_claimed_size(60000, 60000), "image/png"), (a_picture()[:-300], "image/jpeg")]
)
def test_hostile_bytes_never_reach_the_bucket(
    s3: S3Server, store: EvidenceStore, tmp_path: Path, content: bytes, media_type: str
) -> None:
    with pytest.raises(EvidenceRefused):
        put(store, content, media_type)
    assert _kept(s3, tmp_path.name) == []
    assert _left_locally(tmp_path) == []


def test_writers_of_the_same_bytes_do_not_disturb_each_other(
    s3: S3Server, store: EvidenceStore, tmp_path: Path
) -> None:
    content = a_picture()
    stores = [store, _opened(tmp_path / "other", tmp_path.name)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: put(stores[number % 2], content), range(24)))
    assert _kept(s3, tmp_path.name) == [sha256_of(content)]
    with store.open(sha256_of(content)) as file:
        assert file.read() == content


LARGE_ITEMS = """
import hashlib, os, resource, sys, threading
from pathlib import Path
from api.evidence_store import EvidenceSettings, open_evidence_store
store = open_evidence_store(EvidenceSettings(Path(sys.argv[1]), sys.argv[2]))
store.prepare()
block = os.urandom(32768).hex().encode()
def send(number):
    chunks = [b"%d" % number] + [block] * 290
    sha256 = hashlib.sha256(b"".join(chunks[:1]))
    for chunk in chunks[1:]:
        sha256.update(chunk)
    store.put_stream(sha256.hexdigest(), chunks, 20_000_000, "text/csv")
    with store.open(sha256.hexdigest()) as file:
        while file.read(65536):
            pass
send(0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 7)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_large_items_are_never_whole_in_memory(s3: S3Server, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LARGE_ITEMS, str(tmp_path), f"s3://{BUCKET}/{tmp_path.name}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Six items of 19 MB at once: whole in memory they would take 114 MB.
    assert int(done.stdout) < 60_000


def test_a_server_killed_during_an_upload_leaves_nothing_visible_and_works_when_it_is_back(
    own_s3: S3Server, tmp_path: Path
) -> None:
    store, content = _opened(tmp_path), a_table(15_000_000)
    sha256 = sha256_of(content)
    own_s3.process.send(SIGSTOP)
    killer = threading.Timer(1.5, own_s3.kill)
    killer.start()
    started = time.monotonic()
    with pytest.raises(EvidenceUnavailable):
        store.put_stream(sha256, pieces(content, 65_536), LARGEST, "text/csv")
    killer.join()
    for attempt in (lambda: store.exists(sha256), lambda: store.missing([sha256]), store.check_writable, store.prepare):
        with pytest.raises(EvidenceUnavailable, match="does not answer"):
            attempt()
    assert time.monotonic() - started < 30
    assert _left_locally(tmp_path) == []
    own_s3.start()
    own_s3.make_bucket(BUCKET)
    assert not store.exists(sha256)
    assert store.put_stream(sha256, pieces(content, 65_536), LARGEST, "text/csv") is Kept.STORED
    assert store.size(sha256) == len(content)


class HalfWay:
    """Stands before the server and cuts the connection once part of an upload has passed."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(20)
        self.port = self._listener.getsockname()[1]
        self.passed_bytes = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection((HOST, self._target)) as server:
            while self.passed_bytes < 300_000:
                for reader in select.select([client, server], [], [], 20)[0]:
                    piece = reader.recv(65_536)
                    (server if reader is client else client).sendall(piece)
                    self.passed_bytes += len(piece)
        self._listener.close()  # whoever tries again is refused

    def close(self) -> None:
        self._thread.join()


def test_an_upload_cut_off_in_the_middle_is_not_half_visible(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = HalfWay(s3.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:{between.port}")
    store = open_evidence_store(EvidenceSettings(tmp_path / "evidence", f"s3://{BUCKET}/{tmp_path.name}"))
    content = a_table(5_000_000)
    try:
        with pytest.raises(EvidenceUnavailable):
            store._shelf.keep(_file(tmp_path, content), sha256_of(content))
    finally:
        between.close()
    assert between.passed_bytes >= 300_000
    assert _kept(s3, tmp_path.name) == []


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "finished"
    path.write_bytes(content)
    return path


def test_a_bucket_that_is_not_there_is_told(s3: S3Server, tmp_path: Path) -> None:
    store = open_evidence_store(EvidenceSettings(tmp_path / "evidence", "s3://no-such-bucket/x"))
    for attempt in (store.prepare, lambda: put(store, a_picture())):
        with pytest.raises(EvidenceUnavailable, match="there is no bucket no-such-bucket"):
            attempt()


def test_a_bucket_that_hangs_is_given_up(own_s3: S3Server, tmp_path: Path) -> None:
    from api.evidence.bucket import BucketShelf

    store = EvidenceStore(tmp_path, shelf=BucketShelf(BUCKET, call_timeout_s=1.0))
    own_s3.process.send(SIGSTOP)
    try:
        with pytest.raises(EvidenceUnavailable, match="does not answer"):
            store.exists("0" * 64)
    finally:
        own_s3.process.send(SIGCONT)


def test_without_credentials_the_words_say_which_variables(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    store = open_evidence_store(EvidenceSettings(tmp_path / "evidence", f"s3://{BUCKET}/x"))
    with pytest.raises(EvidenceUnavailable, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        store.prepare()


@pytest.mark.parametrize("url", ["s3://key:secret@evidence/x", "s3://", "file:///srv", "gs://evidence", "s3://UPPER/x"])
def test_another_url_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(EvidenceMisconfigured, match="expected s3://bucket/prefix") as caught:
        open_evidence_store(EvidenceSettings(tmp_path, url))
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_credentials_are_in_no_error_and_no_log(
    store: EvidenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:{free_port()}")
    away = open_evidence_store(EvidenceSettings(tmp_path / "evidence", f"s3://{BUCKET}/x"))
    with caplog.at_level("DEBUG", logger="s3fs"), pytest.raises(EvidenceUnavailable) as caught:
        put(away, a_picture())
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert all(value not in said for value in CREDENTIALS.values())


def test_a_missing_package_is_told_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules, "api.evidence.bucket", raising=False)
    with pytest.raises(EvidenceMisconfigured, match=r"s3fs.*streetcase\[s3\]"):
        open_evidence_store(EvidenceSettings(tmp_path, "s3://evidence"))
