"""The table of retention: the first match wins, and what cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.cases.states import CaseState
from api.evidence.retention_policy import RetentionError, RetentionPolicy, Rule
from tests.api.pictures import a_picture
from tests.api.retention_site import Site


def test_the_first_rule_that_matches_wins_and_what_none_matches_stays(sqlite_site: Site) -> None:
    policy = RetentionPolicy(
        (
            Rule("illegal-parking", CaseState.REJECTED, None),
            Rule("illegal-*", CaseState.REJECTED, 1),
            Rule("street-*", CaseState.REJECTED, 5),
        )
    )
    parked = sqlite_site.case(a_picture(), kind="illegal-parking")
    stall = sqlite_site.case(a_picture())
    grain = sqlite_site.case(a_picture(), kind="grain-drying")
    assert sqlite_site.removed_cases(days=3000, policy=policy) == [stall]
    assert (sqlite_site.state(parked), sqlite_site.state(grain)) == (["present"], ["present"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind,state\n*,closed\n", "line 1: expected the columns kind,state,days"),
        ("kind,state,days\n*,filed,30\n", "line 2: evidence of open cases is never removed, and filed is open"),
        ("kind,state,days\n*,closed,30\n*,burnt,30\n", "line 3: expected one of closed"),
        ("kind,state,days\n*,closed,0\n", "expected 1 to 36500 days or keep, got 0"),
        ("kind,state,days\n*,closed,soon\n", "expected 1 to 36500 days or keep, got soon"),
        ("kind,state,days\n*,closed,30,40\n", "expected kind, state and days"),
        ("kind,state,days\n*\n", "expected one of"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "retention.csv").write_text(text)
    with pytest.raises(RetentionError, match=reason):
        RetentionPolicy.load(tmp_path / "retention.csv")


def test_a_mistyped_kind_is_refused(sqlite_site: Site) -> None:
    with pytest.raises(RetentionError, match="no kind is like ilegal"):
        sqlite_site.retention(days=0, policy=RetentionPolicy((Rule("ilegal-*", CaseState.CLOSED, 30),)))


def test_the_table_of_this_release_knows_its_kinds_and_says_keep_of_nothing(sqlite_site: Site) -> None:
    policy = RetentionPolicy.load()
    sqlite_site.retention(days=0, policy=policy)
    rule = policy.rule_for("illegal-parking", CaseState.REJECTED)
    assert (str(rule), policy.rule_for("x", CaseState.MERGED)) == ("illegal-parking rejected 7 days", None)
    assert {rule.days for rule in policy.rules} == {7, 30}
