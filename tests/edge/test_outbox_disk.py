"""On real disks: every fsync is asked for, and a disk that is full or fails loses nothing and comes back by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.looking.evidence import EvidenceError, EvidenceFolder
from edge.outbox.box import Commit, Outbox
from edge.outbox.budget import Budget
from edge.outbox.keeper import Keeper
from ingest.contract import EvidenceRole, EvidenceState
from tests.edge.makers import a_picture, an_event, commit, files_in
from tests.services.processes import missing
from tests.services.small_disk import small_disk

ROOT = Path(__file__).parents[2]
SMALL_DISK_BYTES = 4_000_000


def test_a_commit_returns_only_after_picture_folders_and_log_were_fsynced(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        missing("no strace")
    trace = tmp_path / "trace"
    traced = "trace=fsync,fdatasync,write"
    program = [sys.executable, "-m", "tests.edge.commit_once", str(tmp_path)]
    subprocess.run(
        ["strace", "-f", "-y", "-e", traced, "-o", trace, *program],
        cwd=ROOT,
        check=True,
        timeout=60,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )

    before, _, after = trace.read_text().partition("MARK ready")
    within, committed, _ = after.partition("MARK committed")
    assert committed
    made = _synced(before, tmp_path)
    assert {".", "new"} <= set(made)  # where "new" and "new/evidence" were made
    kept = _synced(within, tmp_path)
    sha256 = next(iter(files_in(tmp_path / "new" / "evidence")))
    picture = next(n for n, path in enumerate(kept) if sha256 in path and path.endswith(".part"))
    # The subfolder's own name, the picture's bytes, the picture's name, and at last the event: nothing before its own.
    assert kept.index("new/evidence") < picture < kept.index(f"new/evidence/{sha256[:2]}")
    assert kept.index(f"new/evidence/{sha256[:2]}") < kept.index("new/outbox.sqlite-wal")
    assert kept[-1] == "new/outbox.sqlite-wal"


def _synced(trace: str, folder: Path) -> list[str]:
    """Returns what was fsynced in ``folder`` and below, in order; the folder itself is called a dot."""
    paths = [Path(path) for path in re.findall(r"f(?:data)?sync\(\d+<([^>]+)>\)\s+= 0", trace)]
    return [str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)]


@pytest.fixture
def disk_of_4_mb(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB of this test's own."""
    with small_disk(tmp_path / "disk", size_bytes=SMALL_DISK_BYTES) as disk:
        yield disk.folder


def _fill(disk: Path) -> Path:
    """Lets somebody else take what is left of the disk."""
    filler = disk / "somebody-else"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def test_on_a_full_disk_events_wait_in_memory_and_are_written_when_there_is_room(disk_of_4_mb: Path) -> None:
    outbox, evidence = Outbox(disk_of_4_mb / "outbox.sqlite"), EvidenceFolder(disk_of_4_mb / "evidence")
    keeper = Keeper(outbox, edge_id="corner-7")
    first = an_event()
    assert keeper.keep(Commit(events=[first]))
    filler = _fill(disk_of_4_mb)
    events = [an_event() for _ in range(300)]

    kept = [keeper.keep(Commit(events=[event])) for event in events]
    with pytest.raises(EvidenceError, match="No space left"):
        a_picture(evidence)

    assert not kept[-1]
    assert keeper.uncommitted > 200
    assert "full" in str(keeper.fault)
    assert "full" in str(outbox.fault)
    assert outbox.waiting_events(1)[0].event == first  # it can still be read, and sent

    filler.unlink()
    assert keeper.keep(Commit())
    assert (keeper.fault, outbox.fault) == (None, None)
    assert [item.event for item in outbox.waiting_events(999)] == [first, *events]
    assert a_picture(evidence).size_bytes == 20_000
    outbox.close()


def test_on_a_full_disk_pictures_make_room_for_events(disk_of_4_mb: Path) -> None:
    """The files go first: a full disk could not take the note that they are to go."""
    outbox, evidence = Outbox(disk_of_4_mb / "outbox.sqlite"), EvidenceFolder(disk_of_4_mb / "evidence")
    keeper = Keeper(outbox, edge_id="corner-7")
    items = [a_picture(evidence, EvidenceRole.WIDE, size_bytes=100_000) for _ in range(10)]
    for item in items:
        commit(outbox, an_event(evidence=[item]))
    _fill(disk_of_4_mb)
    late = [an_event() for _ in range(50)]
    for event in late:
        keeper.keep(Commit(events=[event]))
    assert keeper.uncommitted
    budget = Budget(outbox, evidence, budget_bytes=10**9)

    budget.tend()
    assert keeper.keep(Commit())

    states = outbox.evidence_states([item.sha256 for item in items])
    lost = [item for item in items if states[item.sha256][0] is EvidenceState.SACRIFICED]
    assert 1 <= len(lost) <= 5
    assert {states[item.sha256][1] for item in lost} == {"disk full"}
    assert files_in(disk_of_4_mb / "evidence") == {item.sha256 for item in items} - {item.sha256 for item in lost}
    told = [item.event for item in outbox.waiting_events(999)][10:]
    assert sum(event in late for event in told) == 50
    assert sum(event.phase == "updated" for event in told) == len(lost)
    outbox.close()


def test_a_disk_that_fails_is_told_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    outbox = Outbox(file)
    keeper = Keeper(outbox, edge_id="corner-7")
    events = [an_event() for _ in range(4)]
    assert keeper.keep(Commit(events=events[:1]))

    _let_fail(file.with_name("outbox.sqlite-wal"))
    assert not keeper.keep(Commit(events=[events[1]]))
    assert "disk I/O error" in str(keeper.fault)
    # A new connection finds the disk as it is now.
    assert keeper.keep(Commit(events=events[2:]))

    assert keeper.fault is None
    assert [item.event for item in outbox.waiting_events(9)] == events
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    outbox.close()


def _let_fail(file: Path) -> None:
    """Lets every write through the open handles of ``file`` fail, as those to a disk that went away."""
    handles = [int(link.name) for link in Path("/proc/self/fd").iterdir() if os.path.realpath(link) == str(file)]
    assert handles
    nothing = os.open("/dev/null", os.O_RDONLY)
    for handle in handles:
        os.dup2(nothing, handle, inheritable=False)
    os.close(nothing)
