"""A program for test_outbox_disk: keeps a picture and commits its event, and says when the commit has returned."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox
from tests.edge.makers import a_picture, an_event, commit


def main(folder: Path) -> None:
    outbox, evidence = Outbox(folder / "new" / "outbox.sqlite"), EvidenceFolder(folder / "new" / "evidence")
    os.write(2, b"MARK ready\n")
    item = a_picture(evidence, seed="one")
    commit(outbox, an_event(evidence=[item]))
    os.write(2, b"MARK committed\n")
    outbox.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
