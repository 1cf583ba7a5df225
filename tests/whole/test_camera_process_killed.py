"""A process that looks at cameras dies, and its edge starts it again."""

from __future__ import annotations

from tests.whole.conftest import Whole
from tests.whole.mid_stay import camera_process, goes_on_over, kill_all


def test_a_group_of_cameras_that_dies_is_started_again_and_its_edge_goes_on(whole: Whole) -> None:
    edge = whole.parts.pid("edge")
    assert edge is not None
    killed = set[int]()

    def kill() -> None:
        killed.add(camera_process(edge))
        kill_all(camera_process(edge))

    goes_on_over(kill, whole)

    assert whole.parts.pid("edge") == edge
    assert len(killed | {camera_process(edge)}) == 3
