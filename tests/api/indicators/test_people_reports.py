"""What people report counts as what it is: nobody's camera, and rejected by a person also where a permit was marked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api.cases.states import CaseState
from api.rights import Role
from tests.api.indicators.histories import a_case, a_department, an_alarm, put
from tests.api.indicators.test_counting import asked
from tests.api.place import Place


def by_a_person(name: str) -> dict[str, Any]:
    return {
        "edge_id": "",
        "watch_id": "",
        "source_type": "person",
        "source_id": name,
        "detector": None,
        "weights_sha256": None,
    }


def test_a_report_that_a_permit_only_marked_was_rejected_by_a_person(shared_place: Place) -> None:
    department = a_department()
    put(
        shared_place,
        a_case(department, CaseState.FILED, filed="03 09:00"),
        an_alarm(department, CaseState.REJECTED, ended="03 10:00", permit_id=uuid4(), **by_a_person("anna")),
        # A machine's alarm that the permit itself turned down.
        an_alarm(department, CaseState.REJECTED, ended="03 11:00", permit_id=uuid4()),
    )
    filing = asked(shared_place.person(Role.SUPERVISOR), department=department)["total"]["rates"]["filing"]
    assert filing == {"numerator": 1, "denominator": 2, "percent": 50.0}


@pytest.mark.parametrize("by", ["camera", "watch", "edge"])
def test_what_people_report_is_one_group_and_names_nobody(shared_place: Place, by: str) -> None:
    department = a_department()
    put(
        shared_place,
        a_case(department, CaseState.HANDLING, due="10 12:00"),
        *(a_case(department, CaseState.HANDLING, due="10 12:00", **by_a_person(f"anna-{n}")) for n in range(3)),
    )
    groups = asked(shared_place.person(Role.SUPERVISOR), department=department, by=by)["groups"]
    machine = {"camera": "gate-3/camera-1", "watch": "gate-3/watch-1", "edge": "gate-3"}[by]
    assert [(group["key"], group["figures"]["counts"]["due_to_handle"]) for group in groups] == [("", 3), (machine, 1)]
    assert (groups[0]["name_en"], groups[0]["name_zh"]) == ("reported by people", "人员上报")
