"""Names the files and folders in which an edge keeps what it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """Where an edge keeps what must survive, and ``looks`` and ``views``, which are learnt or come again.

    ``outbox`` is one SQLite file, ``evidence`` a folder of pictures, ``centre_configuration`` what the centre last told
    it to watch.
    """

    root: Path

    @property
    def outbox(self) -> Path:
        return self.root / "outbox.sqlite"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def centre_configuration(self) -> Path:
        return self.root / "centre-configuration.json"

    @property
    def looks(self) -> Path:
        return self.root / "looks"

    @property
    def views(self) -> Path:
        return self.root / "views"
