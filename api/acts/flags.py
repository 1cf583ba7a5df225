"""Flags of a case, which are no states: urgent, supervised, exempt."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided
from api.cases.history import Act
from api.rights import Rights
from api.tables import Case


class FlagName(StrEnum):
    """supervised: a supervisor sees to it. exempt: it is in no indicator, as nobody could have handled it in time."""

    URGENT = "urgent"
    SUPERVISED = "supervised"
    EXEMPT = "exempt"


def set_flags(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, flags: Mapping[FlagName, bool], reason: str
) -> Case:
    """Sets the flags that are named and leaves the others. Raises: CaseMissing, CaseForbidden, CaseConflict."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.FLAG)
    for name, wanted in flags.items():
        setattr(case, name.value, wanted)
    said = {name.value: wanted for name, wanted in flags.items()}
    decided(session, case, Act.FLAGGED, acting.decision, {"flags": said, "reason": reason})
    return case
