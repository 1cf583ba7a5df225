"""The folder that a try fills: events, pictures with names for people, timeline and summary."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.looking.evidence import EvidenceFolder
from edge.trying.course import Incident
from ingest.contract import Event, EvidenceItem

EVENTS, TIMELINE, SUMMARY, EVIDENCE = "events.jsonl", "timeline.png", "summary.json", "evidence"
_OF_A_RUNNING_EDGE = "outbox.sqlite"


class FolderUnusable(Exception):
    """The folder cannot be written, or holds what is not to be written over; the text says which."""


class TryFolder:
    """Events are written as they come, so that whatever ends the try leaves what was found so far.

    Raises: FolderUnusable: If the folder is not empty (unless ``overwrite``), belongs to an edge, or can't be written.
    """

    def __init__(self, root: Path, *, overwrite: bool = False) -> None:
        self.root = root
        try:
            _make_empty(root, overwrite=overwrite)
            (root / EVIDENCE).mkdir(parents=True, exist_ok=True)
            (root / EVENTS).write_bytes(b"")
        except OSError as error:
            raise FolderUnusable(f"{root}: cannot be written: {error.strerror}") from None

    @contextmanager
    def working(self) -> Iterator[Path]:
        """Yields a folder for the edge's own files; it is gone afterwards."""
        with TemporaryDirectory(prefix=".working-", dir=self.root, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def add_event(self, event: Event) -> None:
        with (self.root / EVENTS).open("a", encoding="utf-8") as file:
            file.write(event.model_dump_json(exclude_none=True) + "\n")

    def add_evidence(self, incident: Incident, item: EvidenceItem, *, at_s: float, kept: EvidenceFolder) -> None:
        """Copies a picture under a name that says what it shows, unless it is there already."""
        name = f"{incident.watch_id}-{incident.number}-{item.role.value}-{_clock(at_s)}.jpg"
        if name not in incident.evidence:
            shutil.copyfile(kept.path(item.sha256), self.root / EVIDENCE / name)
            incident.evidence.append(name)

    def write_summary(self, summary: Mapping[str, object]) -> None:
        text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        (self.root / SUMMARY).write_text(text, encoding="utf-8")


def _make_empty(root: Path, *, overwrite: bool) -> None:
    if root.exists() and not root.is_dir():
        raise FolderUnusable(f"{root}: is a file, expected a folder")
    if not root.exists() or not any(root.iterdir()):
        return
    if (root / _OF_A_RUNNING_EDGE).exists():
        raise FolderUnusable(f"{root}: is the data folder of an edge; a try needs a folder of its own")
    if not overwrite:
        raise FolderUnusable(f"{root}: is not empty; name another folder, or give --overwrite")
    for name in (EVENTS, TIMELINE, SUMMARY):
        (root / name).unlink(missing_ok=True)
    for picture in (root / EVIDENCE).glob("*.jpg"):
        picture.unlink()


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(max(0, round(at_s)), 60)
    return f"{minutes:02d}m{seconds:02d}s"
