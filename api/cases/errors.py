"""Why something about a case cannot be done.

CaseError
├── CaseMissing     there is no such case
├── CaseForbidden   the caller may do this, but not to this case
└── CaseConflict    somebody was faster, or the case's state does not allow it
"""

from __future__ import annotations

from api.cases.states import CaseState


class CaseError(Exception):
    """Anything that keeps a caller from a case."""


class CaseMissing(CaseError):
    """There is no such case."""


class CaseForbidden(CaseError):
    """The case is another department's, or not filed, and the caller may not see such."""


class CaseConflict(CaseError):
    """The case is not as the caller thought; it is in ``state`` at ``version`` now."""

    def __init__(self, reason: str, *, state: CaseState, version: int, number: str | None) -> None:
        super().__init__(reason)
        self.state = state
        self.version = version
        self.number = number
