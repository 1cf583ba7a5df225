"""Why something about a case cannot be done.

CaseError
├── CaseMissing     there is no such case
├── CaseForbidden   the caller may do this, but not to this case
├── CaseConflict    somebody was faster, or the case's state does not allow it
└── CaseUnfit       what goes with an act does not fit, such as a kind that there is not
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
    """The case is not as the caller thought; it is in ``state`` at ``version`` now, and allows ``allowed_acts``.

    None where nobody has worked out which they are.
    """

    def __init__(self, reason: str, *, state: CaseState, version: int, number: str | None) -> None:
        super().__init__(reason)
        self.state = state
        self.version = version
        self.number = number
        self.allowed_acts: list[str] | None = None


class CaseUnfit(CaseError):
    """What was said with an act cannot be, whatever state the case is in."""
