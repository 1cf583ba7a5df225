"""Evidence is kept under the hash of its bytes or not at all, and shown with its case alone."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from api.evidence_store import EvidenceMissing, EvidenceRefused, EvidenceStore, EvidenceUnavailable, Kept
from api.rights import Role
from tests.api.pictures import LIMIT, a_picture, a_table, pieces, png_of_claimed_size, put, sha256_of
from tests.api.place import SEEN_AT, Place, a_report, followed
from tests.services.small_disk import small_disk


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    store = EvidenceStore(tmp_path / "evidence")
    store.prepare()
    return store


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (a_picture("JPEG"), "image/jpeg"),
        (a_picture("PNG"), "image/png"),
        (a_picture("WEBP"), "image/webp"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "video/mp4"),
        ("时间,value\n1,2.5\n".encode(), "text/csv"),
    ],
)
def test_sound_bytes_are_kept_once(store: EvidenceStore, content: bytes, media_type: str) -> None:
    sha256 = sha256_of(content)
    assert not store.exists(sha256)
    assert [put(store, content, media_type) for _ in range(2)] == [Kept.STORED, Kept.PRESENT]
    assert (store.exists(sha256), store.size(sha256), store.media_type(sha256)) == (True, len(content), media_type)
    with store.open(sha256) as file:
        assert file.read() == content


@pytest.mark.parametrize(
    ("content", "media_type", "claimed", "reason"),
    [
        (a_picture(), "image/jpeg", {"sha256": "0" * 64}, "expected bytes with sha256"),
        (a_picture(), "image/jpeg", {"limit": 500}, "500 bytes at most"),
        (a_picture("PNG"), "image/jpeg", {}, "expected image/jpeg, got image/png"),
        (b"<html><script>", "image/jpeg", {}, "bytes of no known type"),
        (b"<svg/>", "image/svg+xml", {}, "expected one of"),
        (a_picture()[:-300], "image/jpeg", {}, "cannot be decoded"),
        (a_picture("PNG")[:-30], "image/png", {}, "cannot be decoded"),
        (b"\xff\xd8\xff" + b"\0" * 500, "image/jpeg", {}, "cannot be decoded"),
        (png_of_claimed_size(8000, 8000), "image/png", {}, "16777216 pixels, got 64000000"),
        (png_of_claimed_size(60000, 60000), "image/png", {}, "cannot be decoded: DecompressionBombError"),
        (png_of_claimed_size(2**31 - 1, 2**31 - 1), "image/png", {}, "cannot be decoded"),
        (b"a,b\n\0,1\n", "text/csv", {}, "NUL"),
        (b"\xff\xfe,1\n", "text/csv", {}, "UTF-8"),
        (a_picture(), "text/csv", {}, "expected text/csv, got image/jpeg"),
        (b"", "text/csv", {}, "at least one byte"),
    ],
)
def test_wrong_bytes_are_refused_and_leave_nothing_behind(
    *, store: EvidenceStore, tmp_path: Path, content: bytes, media_type: str, claimed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EvidenceRefused, match=reason):
        put(store, content, media_type, **claimed)
    assert _files(tmp_path) == []


def test_a_picture_of_many_scans_is_refused_before_it_is_decoded(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 48), 80).save(file, "JPEG", progressive=True)
    picture = file.getvalue()
    assert put(store, picture) is Kept.STORED
    last_scan = picture[picture.rindex(b"\xff\xda") : -2]
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(EvidenceRefused, match="64 scans at most"):
        put(store, picture[:-2] + last_scan * 64 + picture[-2:])


def test_two_pictures_at_once_are_decoded_however_many_come(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most, lock = 0, 0, threading.Lock()

    def slow(*_: object) -> None:
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.02)
        with lock:
            now -= 1

    monkeypatch.setattr("api.evidence.content._check_picture", slow)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda content: put(store, content), [a_picture() for _ in range(16)]))
    assert (now, most) == (0, 2)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "0" * 63, "0" * 65, "A" * 64, "0" * 62 + "/.", "0" * 64 + "\n"]
)
def test_a_name_that_is_no_hash_reaches_no_file(store: EvidenceStore, name: str) -> None:
    for ask in (store.exists, store.size, store.open, store.media_type):
        with pytest.raises(EvidenceRefused):
            ask(name)
    with pytest.raises(EvidenceRefused):
        store.put_stream(name, [b"x"], LIMIT, "text/csv")


def test_what_is_not_there_is_missing(store: EvidenceStore) -> None:
    with pytest.raises(EvidenceMissing):
        store.open("0" * 64)


def test_a_sender_that_breaks_off_leaves_nothing_behind(store: EvidenceStore, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield a_picture()[:100]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put_stream("0" * 64, broken(), LIMIT, "image/jpeg")
    assert _files(tmp_path) == []


def test_writers_of_the_same_bytes_do_not_disturb_each_other(store: EvidenceStore, tmp_path: Path) -> None:
    content = a_picture()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: put(store, content), range(64)))
    assert [path.name for path in _files(tmp_path)] == [sha256_of(content)]


def test_a_folder_that_cannot_be_used_is_unavailable_and_not_empty(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file where the folder should be")
    store = EvidenceStore(tmp_path / "evidence")
    for attempt in (store.prepare, store.check_writable, lambda: put(store, a_picture())):
        with pytest.raises(EvidenceUnavailable):
            attempt()


def test_a_full_disk_is_unavailable_leaves_nothing_and_is_used_again_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", size_bytes=300_000) as disk:
        store, content = EvidenceStore(disk.folder), a_table(400_000)
        store.prepare()
        for chunk_bytes in (1000, 65_536, 400_000):
            with pytest.raises(EvidenceUnavailable, match="No space left"):
                store.put_stream(sha256_of(content), pieces(content, chunk_bytes), LIMIT, "text/csv")
            assert _files(disk.folder) == []
        assert put(store, content[:200_000], "text/csv") is Kept.STORED


def test_a_writer_that_finishes_meanwhile_does_not_stop_the_start(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "finished-and-gone"]))
    store.prepare()


def test_what_dead_writers_left_is_swept_at_the_start(store: EvidenceStore, tmp_path: Path) -> None:
    left, fresh = tmp_path / "evidence/.incoming/left", tmp_path / "evidence/.incoming/fresh"
    for path in (left, fresh):
        path.write_bytes(b"x")
    os.utime(left, (time.time() - 90_000,) * 2)
    store.prepare()
    assert _files(tmp_path) == [fresh]


def _item(content: bytes, **changes: Any) -> dict[str, Any]:
    item = {"sha256": sha256_of(content), "media_type": "image/jpeg", "size_bytes": len(content), "role": "start"}
    return item | {"taken_at": SEEN_AT} | changes


def test_a_picture_is_pending_until_its_bytes_come(shared_place: Place) -> None:
    content = a_picture()
    [answer] = shared_place.report(a_report(evidence=[_item(content)]))
    path = f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(content)}"
    operator = shared_place.person(Role.OPERATOR)
    missing = operator.get(path)
    assert missing.status_code == 404
    assert "pending" in missing.json()["detail"]
    assert shared_place.case(answer.case_id)["evidence"][0]["state"] == "pending"
    put(EvidenceStore(shared_place.settings.evidence_dir), content)
    assert shared_place.case(answer.case_id)["evidence"][0]["state"] == "present"
    shown = operator.get(path)
    assert (shown.status_code, shown.content) == (200, content)
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"].startswith("private")


def test_sacrificed_evidence_says_why_in_whatever_order_it_is_told(shared_sqlite_place: Place) -> None:
    operator = shared_sqlite_place.person(Role.OPERATOR)
    content = a_picture()
    given_up = _item(content, state="sacrificed", reason="the disk was full")
    for order in ((_item(content), given_up), (given_up, _item(content))):
        seen = a_report(evidence=[order[0]])
        [answer] = shared_sqlite_place.report(seen)
        shared_sqlite_place.report(followed(seen, phase="updated", evidence=[order[1]]))
        missing = operator.get(f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(content)}")
        assert (missing.status_code, "the disk was full" in missing.json()["detail"]) == (404, True)


def test_evidence_of_another_case_is_not_shown(shared_sqlite_place: Place) -> None:
    content = a_picture()
    put(EvidenceStore(shared_sqlite_place.settings.evidence_dir), content)
    _, other = shared_sqlite_place.report(a_report(evidence=[_item(content)]), a_report(watch_id="crossing"))
    operator = shared_sqlite_place.person(Role.OPERATOR)
    assert operator.get(f"/api/v1/cases/{other.case_id}/evidence/{sha256_of(content)}").status_code == 404
    for name in ("..%2f..%2fservice.key", "0" * 63, "A" * 64):
        assert operator.get(f"/api/v1/cases/{other.case_id}/evidence/{name}").status_code in (404, 422)


def test_bytes_are_shown_as_what_they_are_whatever_the_report_called_them(shared_sqlite_place: Place) -> None:
    operator = shared_sqlite_place.person(Role.OPERATOR)
    content = b"a,b\n<script>alert(1)</script>,2\n"
    put(EvidenceStore(shared_sqlite_place.settings.evidence_dir), content, "text/csv")
    [answer] = shared_sqlite_place.report(a_report(evidence=[_item(content, media_type="text/html")]))
    shown = operator.get(f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(content)}")
    assert shown.headers["Content-Type"].startswith("text/csv")


def test_plates_need_their_own_right_and_every_look_is_written_down(shared_sqlite_place: Place) -> None:
    crop, wide = a_picture(), a_picture()
    for content in (crop, wide):
        put(EvidenceStore(shared_sqlite_place.settings.evidence_dir), content)
    items = [_item(crop, role="crop", plate_kept=True), _item(wide, role="confirm")]
    [answer] = shared_sqlite_place.report(a_report(kind="illegal-parking", evidence=items))
    path = f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(crop)}"
    operator = shared_sqlite_place.person(Role.OPERATOR)
    assert operator.get(path).status_code == 403
    assert operator.get(f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(wide)}").status_code == 200
    supervisor = shared_sqlite_place.person(Role.SUPERVISOR)
    assert supervisor.get(path).status_code == 200
    last = supervisor.get(f"/api/v1/cases/{answer.case_id}/history").json()["items"][-1]
    assert (last["action"], last["actor"]) == ("plate_evidence_read", "person:supervisor-all")


def test_a_plate_marked_in_one_case_is_marked_in_all_and_never_cached(shared_sqlite_place: Place) -> None:
    crop = a_picture()
    put(EvidenceStore(shared_sqlite_place.settings.evidence_dir), crop)
    unmarked, marked = shared_sqlite_place.report(
        a_report(evidence=[_item(crop, role="wide")]),
        a_report(kind="illegal-parking", evidence=[_item(crop, role="crop", plate_kept=True)]),
    )
    for answer in (unmarked, marked):
        path = f"/api/v1/cases/{answer.case_id}/evidence/{sha256_of(crop)}"
        assert shared_sqlite_place.person(Role.OPERATOR).get(path).status_code == 403
        shown = shared_sqlite_place.person(Role.SUPERVISOR).get(path)
        assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
        assert shared_sqlite_place.case(answer.case_id)["evidence"][0]["plate_kept"] is True
