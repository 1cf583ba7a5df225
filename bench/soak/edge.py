"""``streetcase edge run`` whose camera processes take notes. Usage: python -m bench.soak.edge FILE"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest import mock

from bench.soak.noting import noting_main
from edge.processes import supervision
from streetcase.commands.edge import run

if __name__ == "__main__":
    with mock.patch.object(supervision, "group_main", noting_main):
        run(Path(sys.argv[1]))
