"""What all acts of people on a case begin with: the case, locked, in a state that allows the act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from sqlalchemy.orm import Session

from api.acts.stage_rules import StageRules, load_rules
from api.acts.timers import Moment
from api.acts.workflow import RULES, Step, allowed_acts
from api.cases.decisions import Decision, conflict, lock_case
from api.cases.errors import CaseConflict, CaseForbidden
from api.rights import Rights
from api.tables import Case


@dataclass
class Acting:
    """One transaction in which one person acts. Raises CaseForbidden where the role may not do an act at all."""

    session: Session
    rights: Rights
    decision: Decision

    def lock(self, case_id: UUID, step: Step) -> Case:
        """Returns the case, locked. Raises: CaseMissing, CaseForbidden. CaseConflict: With what is allowed instead."""
        rule = RULES[step]
        self.decision = replace(self.decision, action=rule.action)
        if not self.rights.may(self.decision.caller.role, rule.action):
            raise CaseForbidden(f"role {self.decision.caller.role} may not do {rule.action}")
        try:
            return lock_case(self.session, self.rights, case_id, self.decision, states=rule.states)
        except CaseConflict as error:
            error.allowed_acts = self.allowed(self.session.get_one(Case, case_id))
            raise

    def refuse(self, reason: str, case: Case) -> CaseConflict:
        """Returns the conflict to raise where the state would allow the act and something else does not."""
        error = conflict(reason, case)
        error.allowed_acts = self.allowed(case)
        return error

    def allowed(self, case: Case) -> list[str]:
        return allowed_acts(self.session, self.rights, self.decision.caller, case, at=self.decision.at)

    @cached_property
    def rules(self) -> StageRules:
        return load_rules(self.session)

    def moment(self, reason: str | None = None) -> Moment:
        return Moment(at=self.decision.at, actor=self.decision.caller.actor, rules=self.rules, reason=reason)
