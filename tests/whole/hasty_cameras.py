"""A group's process in which a view that cannot be judged is an incident after seconds, and over after as many."""

from __future__ import annotations

from multiprocessing.connection import Connection

import pytest

from edge.looking import camera_faults
from edge.processes import group

LASTS_S = 2.0


def hasty_main(configuration_json: str, pipe: Connection) -> None:
    """Stands in for ``group_main``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(camera_faults, "LASTS_S", LASTS_S)
        group.group_main(configuration_json, pipe)
