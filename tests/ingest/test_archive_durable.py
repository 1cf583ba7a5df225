"""The archive outlives a full disk and a kill, and is on the disk when the call returns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from ingest.archive import DailyArchive
from ingest.archive_reader import ArchiveFaults
from ingest.entries import StreamEntry
from ingest.settled import ArchiveUnavailable
from tests.ingest.archived import an_entry, files, read
from tests.services.processes import missing
from tests.services.small_disk import small_disk

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def full_soon(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    with small_disk(tmp_path / "disk", size_bytes=65_536) as disk:
        yield disk.folder


def test_a_full_disk_loses_nothing_that_was_written_and_heals(full_soon: Path) -> None:
    ballast = full_soon / "ballast"
    ballast.write_bytes(os.urandom(30_000))
    archive = DailyArchive(full_soon / "archive", writer="w")
    entries = [an_entry(number, event=os.urandom(3000)) for number in range(100)]
    written: list[StreamEntry] = []

    def write_all() -> None:
        for entry in entries:
            archive.write([entry])
            written.append(entry)

    with pytest.raises(ArchiveUnavailable, match="No space left"):
        write_all()
    assert len(written) > 2
    with pytest.raises(ArchiveUnavailable):
        archive.write([an_entry(1000, event=os.urandom(30_000))])
    faults = ArchiveFaults()
    assert read(full_soon / "archive", faults) == written
    assert faults == ArchiveFaults()
    assert len(files(full_soon / "archive")) == 1
    ballast.unlink()
    archive.write([an_entry(1001)])
    archive.close()
    assert read(full_soon / "archive", faults) == [*written, an_entry(1001)]
    assert faults == ArchiveFaults()


_WRITER = """
import sys
from pathlib import Path
from ingest.archive import DailyArchive
from tests.ingest.archived import an_entry
archive = DailyArchive(Path(sys.argv[1]), writer="w")
for batch in range(int(sys.argv[2])):
    archive.write([an_entry(batch * 20 + number) for number in range(20)])
    print(batch, flush=True)
"""


def test_a_kill_between_any_two_instructions_loses_nothing_confirmed(folder: Path) -> None:
    confirmed = 0
    for turn in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder), "1000000"], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert writer.stdout
        with writer, writer.stdout:
            writer.stdout.readline()
            time.sleep(0.1 + 0.07 * turn)
            writer.kill()
            confirmed = max(confirmed, 1 + sum(1 for _ in writer.stdout))
    found = read(folder)
    assert found[: confirmed * 20] == [an_entry(number) for number in range(confirmed * 20)]


def test_file_and_new_names_are_synced_before_it_returns(folder: Path, tmp_path: Path) -> None:
    if not shutil.which("strace"):
        missing("no strace")
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-y", "-e", "trace=fsync,write", "-o", str(log), sys.executable, "-c", _WRITER]
    subprocess.run([*command, str(folder), "2"], cwd=ROOT, check=True, capture_output=True, timeout=60)
    calls = [line for line in log.read_text().splitlines() if str(tmp_path) in line or "write(1<" in line]
    steps = [step for step, _ in groupby(map(_step, calls))]
    day, file = folder / "2026-11-23", files(folder)[0]
    assert steps == [
        f"sync {tmp_path}",
        f"sync {folder}",
        "archive",
        f"sync {file}",
        f"sync {day}",
        "confirmed",
        "archive",
        f"sync {file}",
        "confirmed",
    ]


def _step(call: str) -> str:
    if "fsync(" in call:
        return "sync " + call.split("<")[1].split(">", maxsplit=1)[0]
    return "confirmed" if "write(1<" in call else "archive"
