"""Writes ``api/typed_client`` anew: ``python -m scripts.typed_client``."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.typed_client.writing import write

if __name__ == "__main__":
    written = write(Path(__file__).parents[2] / "api" / "typed_client")
    sys.stdout.write(f"{len(written)} files\n")
