"""All processes of an edge die at once, as when its power is cut."""

from __future__ import annotations

from tests.whole.conftest import Whole
from tests.whole.mid_stay import goes_on_over, kill_all, processes_below


def test_all_processes_of_an_edge_killed_at_once_and_its_incidents_go_on_in_one_case(whole: Whole) -> None:
    def cut() -> None:
        edge = whole.parts.pid("edge")
        assert edge is not None
        below = processes_below(edge)
        assert below
        kill_all(edge, *below)

    goes_on_over(cut, whole)
