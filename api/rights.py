"""Who may do what: the table in rights.csv, read into roles and answers."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

RIGHTS_CSV = Path(__file__).parent / "rights.csv"
INTERNAL = "internal."
"""Actions of ingestion's service begin so; they are in no table, as no person or edge may ever do them."""

_OWN = "handler_own_department"
_OTHER = "handler_other_department"


class Role(StrEnum):
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    HANDLER = "handler"
    INTEGRATOR = "integrator"
    ADMINISTRATOR = "administrator"
    EDGE_KEY = "edge_key"
    ANONYMOUS = "anonymous"
    SERVICE = "service"


PEOPLE = (Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER, Role.INTEGRATOR, Role.ADMINISTRATOR)


class RightsError(Exception):
    """The table of rights is broken, or a route names an action that is not in it."""


@dataclass(frozen=True, slots=True)
class Rights:
    """columns: for each action, the columns of rights.csv that say yes."""

    columns: Mapping[str, frozenset[str]]

    @classmethod
    def load(cls, path: Path = RIGHTS_CSV) -> Self:
        """Raises: RightsError: If a cell is neither yes nor no, or an action stands twice."""
        columns: dict[str, frozenset[str]] = {}
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                action = row.pop("action")
                if action in columns:
                    raise RightsError(f"{action} stands twice in the table of rights")
                if not set(row.values()) <= {"yes", "no"}:
                    raise RightsError(f"{action}: expected yes or no in each column, got {row}")
                columns[action] = frozenset(column for column, cell in row.items() if cell == "yes")
        return cls(columns)

    def knows(self, action: str) -> bool:
        return action in self.columns or action.startswith(INTERNAL)

    def may(self, role: Role, action: str) -> bool:
        """Whether the role may do this at all: a handler, in the own department. Raises: RightsError: unknown."""
        return self._says_yes(role, action, handler_column=_OWN)

    def may_elsewhere(self, role: Role, action: str) -> bool:
        """Whether the role may do this to what belongs to another department than its own."""
        return self._says_yes(role, action, handler_column=_OTHER)

    def _says_yes(self, role: Role, action: str, *, handler_column: str) -> bool:
        if not self.knows(action):
            raise RightsError(f"no such action in the table of rights: {action}")
        if action.startswith(INTERNAL):
            return role is Role.SERVICE
        allowed = self.columns[action]
        if role is Role.SERVICE:
            # The service may do nothing of what the table lists, beyond what anybody may.
            return Role.ANONYMOUS.value in allowed
        return (handler_column if role is Role.HANDLER else role.value) in allowed
