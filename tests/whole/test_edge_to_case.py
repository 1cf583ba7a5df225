"""From the lens to the case with real parts: an edge that dies in mid-stay goes on where it was."""

from __future__ import annotations

from tests.whole.conftest import Whole
from tests.whole.mid_stay import goes_on_over


def test_an_edge_killed_in_mid_stay_goes_on_with_the_same_incidents_and_one_case(whole: Whole) -> None:
    goes_on_over(lambda: whole.kill("edge"), whole)
