"""Encrypted evidence: read as it was or not at all, never in plain on the disk, and with any key of the file."""

from __future__ import annotations

import functools
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.evidence.cipher import CHUNK_BYTES, HEADER_BYTES, TAG_BYTES, Encrypting, decrypting
from api.evidence.keys import KeyRing, make_key_file
from api.evidence_store import (
    EvidenceDamaged,
    EvidenceLocked,
    EvidenceMisconfigured,
    EvidenceRefused,
    EvidenceSettings,
    EvidenceStore,
    Kept,
    open_evidence_store,
)
from tests.api.pictures import a_picture, a_table, pieces, png_of_claimed_size, put, sha256_of

NAME = "ab" * 32
RING = KeyRing((bytes(range(32)),))
STORED_CHUNK = CHUNK_BYTES + TAG_BYTES
SIZES = [1, 15, 16, 17, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5]


def _encrypted(content: bytes, name: str = NAME, *, piece_bytes: int = 10_000) -> bytes:
    file = io.BytesIO()
    cipher = Encrypting(file, name, RING)
    for piece in pieces(content, piece_bytes):
        cipher.write(piece)
    cipher.finish()
    return file.getvalue()


def _read(stored: bytes, name: str = NAME, ring: KeyRing | None = RING) -> bytes:
    with decrypting(io.BytesIO(stored), name, ring) as file:
        return file.read()


@functools.cache
def _sample() -> tuple[bytes, bytes]:
    content = os.urandom(3 * CHUNK_BYTES + 777)
    return content, _encrypted(content)


@pytest.mark.parametrize("size_bytes", SIZES)
def test_what_was_written_is_read(size_bytes: int) -> None:
    content = os.urandom(size_bytes)
    stored = _encrypted(content)
    assert _read(stored) == content
    assert content[:16] not in stored[HEADER_BYTES:] or size_bytes < 4
    with decrypting(io.BytesIO(stored), NAME, RING) as file:
        assert file.seek(0, os.SEEK_END) == size_bytes


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 500), st.integers(0, 3))
def test_pieces_of_any_size_make_the_same_item(tail: bytes, piece_bytes: int, chunks: int) -> None:
    content = _sample()[0][: chunks * CHUNK_BYTES] + tail
    assert _read(_encrypted(content, piece_bytes=piece_bytes * 300)) == content


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(-200_000, 250_000), st.integers(-1, 150_000))))
def test_any_seeking_and_reading_is_as_in_a_plain_file(steps: list[tuple[int, int, int]]) -> None:
    content, stored = _sample()
    plain = io.BytesIO(content)
    with decrypting(io.BytesIO(stored), NAME, RING) as file:
        for whence, offset, size in steps:
            base = {0: 0, 1: plain.tell(), 2: len(content)}[whence]
            target = max(base + offset, 0)
            assert file.seek(target) == plain.seek(target)
            assert file.read(size) == plain.read(size)
            assert file.tell() == plain.tell()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_an_altered_byte_is_never_read_as_something_else(at: int, change: int) -> None:
    content = _sample()[0]
    stored = bytearray(_sample()[1])
    # The first bytes tell that it is encrypted at all; without them it is bytes of no known type.
    at = 8 + at % (len(stored) - 8)
    stored[at] ^= change
    with pytest.raises((EvidenceDamaged, EvidenceLocked)):
        assert _read(bytes(stored)) == content


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_an_item_cut_off_anywhere_is_damaged_before_its_size_is_told(keep: int) -> None:
    stored = _sample()[1]
    with pytest.raises(EvidenceDamaged):
        decrypting(io.BytesIO(stored[: keep % len(stored)]), NAME, RING)


def _swapped(stored: bytes) -> bytes:
    first, second, third = (HEADER_BYTES + number * STORED_CHUNK for number in range(3))
    return stored[:first] + stored[second:third] + stored[first:second] + stored[third:]


@pytest.mark.parametrize(
    "harm",
    [
        _swapped,
        lambda stored: stored[:HEADER_BYTES] + stored[HEADER_BYTES + STORED_CHUNK :],
        lambda stored: stored[: HEADER_BYTES + STORED_CHUNK] + stored[HEADER_BYTES:],
        lambda stored: stored[: HEADER_BYTES + 2 * STORED_CHUNK],
        lambda stored: stored + b"\0",
        lambda stored: stored[:HEADER_BYTES],
        lambda stored: _encrypted(b"another item's header")[:HEADER_BYTES] + stored[HEADER_BYTES:],
    ],
    ids=["chunks changed places", "one left out", "one doubled", "end lost", "more", "header only", "other header"],
)
def test_chunks_that_are_not_all_there_in_order_are_damage(harm: Callable[[bytes], bytes]) -> None:
    with pytest.raises(EvidenceDamaged):
        _read(harm(_sample()[1]))


def test_an_item_under_anothers_name_is_damage() -> None:
    with pytest.raises(EvidenceDamaged):
        _read(_sample()[1], name="cd" * 32)


@pytest.mark.parametrize("ring", [KeyRing((b"x" * 32,)), None])
def test_another_key_is_told_by_the_id_of_the_one_that_is_needed(ring: KeyRing | None) -> None:
    with pytest.raises(EvidenceLocked, match="key 630dcd2966c43366"):
        _read(_sample()[1], ring=ring)


def test_no_two_items_are_encrypted_alike() -> None:
    assert len({_encrypted(b"the same") for _ in range(20)}) == 20


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    make_key_file(tmp_path / "evidence.key")
    return tmp_path / "evidence.key"


def _opened(folder: Path, key_file: Path | None) -> EvidenceStore:
    store = open_evidence_store(EvidenceSettings(folder / "evidence", key_file=key_file))
    store.prepare()
    return store


def _on_disk(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "evidence").rglob("*") if path.is_file()]


def test_no_byte_of_an_item_is_on_the_disk_in_plain_at_any_time(tmp_path: Path, key_file: Path) -> None:
    store, content = _opened(tmp_path, key_file), a_table(300_000)
    seen: list[bytes] = []
    with store.writer(sha256_of(content), max_bytes=400_000, media_type="text/csv") as writer:
        for piece in pieces(content, 30_000):
            writer.write(piece)
            seen += _on_disk(tmp_path)
    seen += _on_disk(tmp_path)
    assert len(seen) == 11
    assert not any(content[at : at + 40] in stored for stored in seen for at in range(0, 300_000, 20_000))
    with store.open(sha256_of(content)) as file:
        assert file.read() == content
    assert (store.size(sha256_of(content)), store.media_type(sha256_of(content))) == (300_000, "text/csv")


def test_hostile_bytes_are_refused_in_encryption_too(tmp_path: Path, key_file: Path) -> None:
    store = _opened(tmp_path, key_file)
    for content in (png_of_claimed_size(60000, 60000), a_picture("PNG")[:-30], a_picture()):
        with pytest.raises(EvidenceRefused):
            put(store, content, "image/png")
    assert _on_disk(tmp_path) == []
    assert put(store, a_picture("WEBP"), "image/webp") is Kept.STORED


def test_items_from_before_the_key_stay_readable_and_new_keys_read_what_old_ones_wrote(
    tmp_path: Path, key_file: Path
) -> None:
    contents = [a_picture() for _ in range(3)]
    put(_opened(tmp_path, None), contents[0])
    put(_opened(tmp_path, key_file), contents[1])
    make_key_file(tmp_path / "newer.key")
    key_file.write_text((tmp_path / "newer.key").read_text() + "\n" + key_file.read_text())
    rotated = _opened(tmp_path, key_file)
    put(rotated, contents[2])
    for content in contents:
        with rotated.open(sha256_of(content)) as file:
            assert file.read() == content
    (tmp_path / "only-newer").write_text((tmp_path / "newer.key").read_text())
    (tmp_path / "only-newer").chmod(0o400)
    with _opened(tmp_path, tmp_path / "only-newer").open(sha256_of(contents[2])) as file:
        assert file.read() == contents[2]
    with pytest.raises(EvidenceLocked):
        _opened(tmp_path, None).open(sha256_of(contents[1]))


def test_an_item_whose_mark_has_gone_bad_is_not_shown_as_plain_bytes(tmp_path: Path, key_file: Path) -> None:
    store, content = _opened(tmp_path, key_file), a_picture()
    put(store, content)
    [path] = [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    path.write_bytes(b"\x00" + path.read_bytes()[1:])
    with pytest.raises(EvidenceDamaged):
        store.open(sha256_of(content))


def test_a_key_file_is_made_once_and_for_its_owner_alone(key_file: Path) -> None:
    before = key_file.read_text()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert len(bytes.fromhex(before.strip())) == 32
    with pytest.raises(EvidenceMisconfigured, match="exists"):
        make_key_file(key_file)
    assert key_file.read_text() == before
    with pytest.raises(EvidenceMisconfigured, match="cannot be made"):
        make_key_file(key_file / "below-a-file")


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("ab" * 32, 0o640, "expected mode 0600, got 0640"),
        ("ab" * 32, 0o604, "expected mode 0600, got 0604"),
        ("ab" * 31, 0o600, "line 1: expected 64 hexadecimal digits"),
        ("ab" * 32 + "\nsecret-but-wrong", 0o600, "line 2: expected 64 hexadecimal digits"),
        ("\n\n", 0o600, "holds no key"),
        ("密" * 64, 0o600, "64 hexadecimal digits a line"),
    ],
)
def test_a_key_file_that_cannot_be_trusted_is_refused(tmp_path: Path, text: str, mode: int, reason: str) -> None:
    path = tmp_path / "evidence.key"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(EvidenceMisconfigured, match=reason) as caught:
        _opened(tmp_path, path)
    assert "secret" not in str(caught.value)
    assert "abab" not in str(caught.value)


def test_a_key_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvidenceMisconfigured, match="cannot be read: No such file"):
        _opened(tmp_path, tmp_path / "nowhere.key")


def test_keys_are_in_no_representation() -> None:
    assert bytes(range(32)).hex()[:12] not in repr(RING)
    assert "\\x01" not in repr(RING)
