"""The archive: on the disk when the call returns, whole after whatever tears it, read back once and in order."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.archive import DROPPED, DailyArchive
from ingest.archive_files import FILES_OPEN, IDLE_S, DailyFiles
from ingest.archive_reader import ArchiveFaults, ArchiveUnreadable, read_archive
from ingest.entries import DeadLetter, StreamEntry
from ingest.settled import ArchiveUnavailable
from tests.ingest.archived import NOON, an_entry, files, read

ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[DailyArchive]:
    archive = DailyArchive(tmp_path / "archive", writer="worker-1")
    yield archive
    archive.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def test_what_was_written_comes_back_byte_for_byte(archive: DailyArchive, folder: Path) -> None:
    entries = [an_entry(1), an_entry(2, event=b"\xff\x00 no text"), an_entry(3, event=b'{"a": "\\ud800"}'), an_entry(4)]
    archive.write(entries[:3])
    archive.write(entries[3:])
    assert read(folder) == entries
    [file] = files(folder)
    assert file.parent.name == "2026-11-23"
    assert file.name.startswith("worker-1-")
    lines = gzip.decompress(file.read_bytes()).splitlines()
    assert [json.loads(line)["edge_id"] for line in lines] == ["edge-1"] * 4


def test_entries_of_all_writers_come_in_the_order_of_the_stream_and_once(folder: Path) -> None:
    for turn in range(2):  # The second writer has them all again, as after a crash between archive and acknowledgement.
        for writer in range(3):
            archive = DailyArchive(folder, writer=f"worker/{writer}")
            archive.write([an_entry(number) for number in range(100) if number % 3 == (writer + turn) % 3][::-1])
            archive.close()
    assert read(folder) == [an_entry(number) for number in range(100)]


def test_ids_in_the_stream_go_before_clocks_of_gateways(archive: DailyArchive, folder: Path) -> None:
    first, second = an_entry(50, entry_id="1000-9"), an_entry(10, entry_id="1000-10")
    archive.write([second, first])
    assert read(folder) == [first, second]


def test_two_edges_may_have_events_of_one_id(archive: DailyArchive, folder: Path) -> None:
    mine, theirs = an_entry(1), StreamEntry("1-1", an_entry(1).event, "edge-2", an_entry(2).received_at, "")
    archive.write([mine, theirs])
    assert len(read(folder)) == 2


def test_days_are_those_of_the_receipt_in_utc_and_the_span_is_half_open(archive: DailyArchive, folder: Path) -> None:
    midnight = NOON + timedelta(hours=12)
    entries = [an_entry(number, at=midnight) for number in (-2, -1, 0, 1)]
    archive.write(entries)
    assert sorted(path.name for path in folder.iterdir()) == ["2026-11-23", "2026-11-24"]
    found = read_archive(folder, since=midnight - timedelta(seconds=1), until=midnight + timedelta(seconds=1))
    assert [archived.entry for archived in found] == entries[1:3]


def test_an_unreadable_time_of_receipt_is_the_streams_own(archive: DailyArchive, folder: Path) -> None:
    entry = StreamEntry(an_entry(1).entry_id, b"{}", "edge-1", "yesterday", "")
    archive.write([entry])
    assert read(folder) == [entry]


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_more_than_two_files_are_open_and_idle_ones_are_closed(folder: Path) -> None:
    now = 0.0
    daily = DailyFiles(folder, writer="w", clock=lambda: now)
    before = _open_files()
    for day in range(8):
        daily.append({(NOON + timedelta(days=day % 4)).date(): b"{}\n"})
        assert _open_files() - before <= FILES_OPEN
    now += IDLE_S + 1
    daily.append({NOON.date(): b"{}\n"})
    assert _open_files() - before == 1
    daily.close()
    assert _open_files() == before


def test_a_torn_end_costs_the_last_batch_only_and_is_told(folder: Path) -> None:
    archive = DailyArchive(folder, writer="w")
    archive.write([an_entry(1), an_entry(2)])
    [file] = files(folder)
    whole_bytes = file.stat().st_size
    archive.write([an_entry(3)])
    archive.close()
    content = file.read_bytes()
    for size_bytes in range(whole_bytes + 1, len(content)):
        file.write_bytes(content[:size_bytes])
        faults = ArchiveFaults()
        assert read(folder, faults) == [an_entry(1), an_entry(2)]
        assert sum(faults.torn.values()) + sum(faults.damaged.values()) == size_bytes - whole_bytes
        assert file in faults.torn
    again = DailyArchive(folder, writer="w")  # A new process never writes behind a torn end.
    again.write([an_entry(4)])
    again.close()
    assert read(folder) == [an_entry(1), an_entry(2), an_entry(4)]


@pytest.mark.parametrize("byte", [0, 3, 12, 30, -2])
def test_damage_within_costs_that_batch_only_and_is_told(folder: Path, byte: int) -> None:
    archive = DailyArchive(folder, writer="w")
    ends = []
    for number in range(3):
        archive.write([an_entry(number)])
        ends.append(files(folder)[0].stat().st_size)
    archive.close()
    [file] = files(folder)
    content = bytearray(file.read_bytes())
    content[(ends[1] if byte < 0 else ends[0]) + byte] ^= 0xFF
    file.write_bytes(content)
    faults = ArchiveFaults()
    assert read(folder, faults) == [an_entry(0), an_entry(2)]
    assert faults.damaged == {file: ends[1] - ends[0]}
    assert faults.torn == {}


def test_strangers_are_told_and_left_alone(archive: DailyArchive, folder: Path) -> None:
    archive.write([an_entry(1)])
    (folder / "notes").mkdir()
    (folder / "2026-11-23" / "README").write_text("mine")
    (folder / "2026-11-23" / "begun.jsonl.gz").touch()
    (folder / "2026-11-23" / "other.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n[\n7\n'))
    faults = ArchiveFaults()
    assert read(folder, faults) == [an_entry(1)]
    assert set(faults.strangers) == {folder / "notes", folder / "2026-11-23" / "README"}
    assert faults.lines == 3


def test_a_folder_that_is_not_there_is_no_empty_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnreadable, match="cannot read the archive"):
        read(tmp_path / "elsewhere")


def test_dropped_letters_are_no_part_of_it(archive: DailyArchive, folder: Path) -> None:
    archive.write([an_entry(1)])
    dropped = DailyArchive(folder / DROPPED, writer="dead-letters")
    letter = DeadLetter("1-1", an_entry(2), "no such kind", NOON.isoformat(), attempts=4)
    dropped.write_dropped([letter], dropped_by="li", dropped_from="the API")
    dropped.close()
    faults = ArchiveFaults()
    assert read(folder, faults) == [an_entry(1)]
    assert faults == ArchiveFaults()
    [file] = files(folder / DROPPED)
    line = json.loads(gzip.decompress(file.read_bytes()))
    assert (line["reason"], line["attempts"], line["dropped_by"]) == ("no such kind", 4, "li")
    assert line["event"].encode() == an_entry(2).event


def test_a_removed_folder_is_made_again_but_not_the_archives_own(archive: DailyArchive, folder: Path) -> None:
    archive.write([an_entry(1)])
    shutil.rmtree(folder / "2026-11-23")
    archive.write([an_entry(2)])
    assert read(folder) == [an_entry(2)]
    shutil.rmtree(folder)  # As if its disk were no longer mounted.
    with pytest.raises(ArchiveUnavailable, match="No such file"):
        archive.write([an_entry(3)])
    folder.mkdir()
    archive.write([an_entry(3)])
    assert read(folder) == [an_entry(3)]


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("")
    with pytest.raises(ArchiveUnavailable, match="cannot write to the archive"):
        DailyArchive(tmp_path / "archive", writer="w").write([an_entry(1)])
