"""How long evidence stays after its case ended, by kind and state: a table in which the first match wins."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from api.cases.states import ENDED, CaseState

RETENTION_CSV = Path(__file__).parents[1] / "catalogue" / "retention.csv"
KEEP = "keep"
_COLUMNS = ["kind", "state", "days"]
_MOST_DAYS = 36_500


class RetentionError(Exception):
    """The table of retention cannot be used; the message names file, line and what was expected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """kind: a pattern with ``*``. days: after the end of the case, None for ever."""

    kind: str
    state: CaseState
    days: int | None

    def __str__(self) -> str:
        return f"{self.kind} {self.state} {KEEP if self.days is None else f'{self.days} days'}"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """What no rule matches stays for ever; no rule can name a state in which a case is open."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        # Checked here too, and not only in the file: evidence of open cases is never removed.
        open_states = sorted({rule.state for rule in self.rules} - ENDED)
        if open_states:
            raise RetentionError(f"evidence of open cases is never removed, and {', '.join(open_states)} is open")

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Reads the file, or the table of this release. Raises: RetentionError."""
        path = path or RETENTION_CSV
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                if reader.fieldnames != _COLUMNS:
                    raise RetentionError(f"{path}, line 1: expected the columns {','.join(_COLUMNS)}")
                rules = tuple(_rule(row, where=f"{path}, line {reader.line_num}") for row in reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise RetentionError(f"{path} cannot be read: {type(error).__name__}") from error
        return cls(rules)

    def check_kinds(self, known: Collection[str]) -> None:
        """Raises: RetentionError: If a pattern matches no kind, as a mistyped one does: a later rule would win."""
        for rule in self.rules:
            if not any(fnmatchcase(kind, rule.kind) for kind in known):
                raise RetentionError(f"no kind is like {rule.kind}; streetcase knows {', '.join(sorted(known))}")

    def rule_for(self, kind: str, state: CaseState) -> Rule | None:
        """Returns the first rule that matches; None for what stays for ever."""
        found = next((rule for rule in self.rules if rule.state is state and fnmatchcase(kind, rule.kind)), None)
        return found if found is not None and found.days is not None else None

    def kinds_by_term(self, known: Collection[str]) -> dict[tuple[CaseState, int], list[str]]:
        """Returns which kinds are kept for how many days in which state; without those that stay for ever."""
        terms: dict[tuple[CaseState, int], list[str]] = defaultdict(list)
        for state in sorted(ENDED):
            for kind in sorted(known):
                rule = self.rule_for(kind, state)
                if rule is not None and rule.days is not None:
                    terms[state, rule.days].append(kind)
        return terms


def _rule(row: dict[str | None, str | None], *, where: str) -> Rule:
    kind, state, days = ((row[column] or "").strip() for column in _COLUMNS)
    if not kind or None in row:
        raise RetentionError(f"{where}: expected kind, state and days")
    if state not in set(CaseState):
        raise RetentionError(f"{where}: expected one of {', '.join(sorted(ENDED))}, got {state}")
    if CaseState(state) not in ENDED:
        raise RetentionError(f"{where}: evidence of open cases is never removed, and {state} is open")
    if days != KEEP and not (days.isascii() and days.isdigit() and 1 <= int(days) <= _MOST_DAYS):
        raise RetentionError(f"{where}: expected 1 to {_MOST_DAYS} days or {KEEP}, got {days}")
    return Rule(kind, CaseState(state), None if days == KEEP else int(days))
