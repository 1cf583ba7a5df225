"""Cases that people take through pause, extension, return, rework and reopening count as worked out by hand.

All are of one kind with four working hours, 08:00 to 12:00 and 14:00 to 18:00 from Monday to Friday; they are to be
closed eight working hours after they are due to be handled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from api.rights import Role
from api.settings import ApiSettings
from tests.api.cases.steps import Life
from tests.api.indicators.histories import local
from tests.api.indicators.test_counting import asked, percents
from tests.api.place import Clocked, Place

SEEN = "the place is clear"


class Month:
    """March 2025, in which each act is done at a local time such as "03 09:00", a Monday."""

    def __init__(self, settings: ApiSettings) -> None:
        self.clock = Clocked()
        self.clock.now = local("03 08:00")
        self.place = Place(settings, clock=self.clock)

    def alarm(self, at: str) -> Life:
        self.clock.now = now = local(at)
        seen = {"first_seen_at": now, "occurred_at": now, "received_at": now}
        return Life(self.place, kind="unknown-object", **seen)

    def dispatched(self, at: str) -> Life:
        """An alarm that is confirmed, dispatched and begun at once."""
        return self.alarm(at).to("handling")

    def do(self, life: Life, at: str, who: Role, act: str, **said: Any) -> dict[str, Any]:
        self.clock.now = local(at)
        return life.done(who, act, **said)

    def granted(self, life: Life, at: str, wanted: str) -> None:
        self.clock.now = local(at)
        assert life.granted(wanted).is_success

    def handled(self, life: Life, at: str) -> None:
        self.do(life, at, Role.HANDLER, "finish")

    def closed(self, life: Life, at: str) -> None:
        self.do(life, at, Role.OPERATOR, "check")
        self.do(life, at, Role.OPERATOR, "close", checked_by="person", note=SEEN)

    def told(self, month: str, *, at: str) -> dict[str, Any]:
        self.clock.now = local(at)
        total: dict[str, Any] = asked(self.place.person(Role.SUPERVISOR), on=f"{month}-15")["total"]
        return total


@pytest.fixture
def month(settings: ApiSettings) -> Iterator[Month]:
    made = Month(settings)
    with made.place:
        yield made


def suspended_into_april(month: Month) -> Life:
    """Due on the 3rd at 15:00. Suspended at 11:00 with two hours left, which are over on 1 April at 10:00."""
    life = month.dispatched("03 09:00")
    month.granted(life, "03 11:00", "suspension")
    return life


def resumed_in_april(month: Month, life: Life) -> None:
    """To be closed by 2 April, 10:00: two hours before noon, four after, and two on the next morning."""
    assert _due(month.do(life, "2025-04-01 08:00", Role.HANDLER, "resume")) == local("2025-04-01 10:00")
    month.handled(life, "2025-04-01 09:30")
    month.closed(life, "2025-04-01 11:00")


def extended(month: Month) -> None:
    """Due on the 4th at 12:00, extended to 18:00, handled at 17:00; closed on the 5th, by 18:00."""
    life = month.dispatched("04 08:00")
    month.granted(life, "04 10:00", "extension")
    assert _due(life.shown()) == local("04 18:00")
    month.handled(life, "04 17:00")
    month.closed(life, "05 09:00")


def returned(month: Month) -> None:
    """Given back, and dispatched anew on the 5th at 15:00: due on the 6th at 9:00, to be closed by the 7th, 9:00.

    Handled on the 6th at 10:00 and closed on the 7th at 10:00: both late.
    """
    life = month.dispatched("05 08:00")
    month.do(life, "05 09:00", Role.HANDLER, "return", reason="not our road")
    assert _due(life.shown()) is None
    assert _due(month.do(life, "05 15:00", Role.OPERATOR, "dispatch")) == local("06 09:00")
    month.do(life, "06 08:30", Role.HANDLER, "start")
    month.handled(life, "06 10:00")
    month.closed(life, "07 10:00")


def reworked(month: Month) -> None:
    """The check fails on the 6th at 10:00: due again at 16:00, to be closed by the 7th, 16:00. Both in time."""
    life = month.dispatched("06 08:00")
    month.handled(life, "06 09:00")
    month.do(life, "06 10:00", Role.OPERATOR, "check")
    assert _due(month.do(life, "06 10:00", Role.OPERATOR, "fail-check", reason="half of it is there")) == local(
        "06 16:00"
    )
    month.handled(life, "06 15:00")
    month.closed(life, "07 09:00")


def reopened(month: Month) -> None:
    """Closed on the 10th and reopened at 11:00: due at 17:00, to be closed by the 11th, 17:00. Both in time."""
    life = month.dispatched("10 08:00")
    month.handled(life, "10 09:00")
    month.closed(life, "10 10:00")
    assert _due(month.do(life, "10 11:00", Role.OPERATOR, "reopen", reason="it is back")) == local("10 17:00")
    month.handled(life, "10 16:00")
    month.closed(life, "10 16:30")


def left_over_the_weekend(month: Month) -> None:
    """Dispatched on Friday, 28, at 16:00: due on Monday at 10:00, to be closed by 1 April, 10:00. Never handled."""
    assert _due(month.dispatched("28 16:00").shown()) == local("31 10:00")


def turned_down(month: Month) -> None:
    month.do(month.alarm("11 09:00"), "11 09:01", Role.OPERATOR, "reject", reason="a shadow")


def made_void(month: Month) -> None:
    month.do(month.alarm("11 09:00").to("filed"), "11 10:00", Role.SUPERVISOR, "void", reason="another county's")


def exempted(month: Month) -> None:
    month.do(month.dispatched("12 08:00"), "12 09:00", Role.SUPERVISOR, "flags", exempt=True, reason="flood")


def test_who_returns_what_is_overdue_does_not_take_it_out_of_the_figures(month: Month) -> None:
    """Due on the 5th at 12:00 and returned at 16:00; the other one is returned in time, and due by nobody."""
    late, in_time = month.dispatched("05 08:00"), month.dispatched("05 08:00")
    month.do(in_time, "05 09:00", Role.HANDLER, "return", reason="not our road")
    month.do(late, "05 16:00", Role.HANDLER, "return", reason="not our road")
    assert [_due(life.shown()) for life in (late, in_time)] == [local("05 12:00"), None]
    counts = month.told("2025-03", at="20 12:00")["counts"]
    assert (counts["due_to_handle"], counts["due_to_close"], counts["overdue_open"]) == (1, 1, 1)
    assert _due(month.do(late, "20 14:00", Role.OPERATOR, "dispatch")) == local("20 18:00")


def test_lives_with_every_turn_count_as_worked_out_by_hand(month: Month) -> None:
    suspended = suspended_into_april(month)
    turns: tuple[Callable[[Month], None], ...] = (
        extended, returned, reworked, reopened, turned_down, made_void, exempted,
    )  # fmt: skip
    for turn in turns:
        turn(month)

    # The suspended one is past what it was due by, and not overdue: four are due, and all are handled.
    on_the_20th = month.told("2025-03", at="20 12:00")["counts"]
    assert (on_the_20th["due_to_handle"], on_the_20th["handled"], on_the_20th["overdue_open"]) == (4, 4, 0)

    left_over_the_weekend(month)
    resumed_in_april(month, suspended)

    march = month.told("2025-03", at="2025-04-02 12:00")
    # Due to be handled: extended, returned (late), reworked, reopened, left over (open). To be closed: the first four.
    # Filed: these and the suspended one; one alarm was rejected.
    assert march["counts"] == {
        "due_to_handle": 5,
        "handled": 4,
        "handled_on_time": 3,
        "extended": 1,
        "overdue_open": 1,
        "due_to_close": 4,
        "closed": 4,
        "closed_on_time": 3,
        "reworked": 1,
        "received": 7,
        "filed": 6,
    }
    assert percents(march) == {
        "handling": 80.0,
        "on_time_handling": 60.0,
        "closing": 100.0,
        "on_time_closing": 75.0,
        "rework": 25.0,
        "extension": 20.0,
        "overdue_open": 20.0,
        "filing": 85.71,
    }
    # 30 x 0.8 + 20 x 0.6 + 20 x 0.75 + 20 x 0.8 + 10 x 0.8 = 24 + 12 + 15 + 16 + 8
    assert march["score"] == 75.0
    # Resumed and handled in time; to be closed are that one and the one left over, which is not.
    april = month.told("2025-04", at="2025-04-02 12:00")
    assert (april["counts"]["due_to_handle"], april["counts"]["handled_on_time"]) == (1, 1)
    assert (april["counts"]["due_to_close"], april["counts"]["closed_on_time"]) == (2, 1)
    assert percents(april)["filing"] is None


def _due(case: dict[str, Any]) -> datetime | None:
    return None if case["handle_due_at"] is None else datetime.fromisoformat(case["handle_due_at"])
