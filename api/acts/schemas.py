"""What people say with their acts on a case, and what is shown of clocks, asks and links."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.acts.asks import AskType
from api.acts.checking import CheckedBy
from api.acts.flags import FlagName
from api.cases.schemas import Shown
from api.cases.states import CaseState
from api.schemas import Key, Schema, Short

MAX_BATCH = 100


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("expected text without NUL characters")
    return text


Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_no_nul)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), AfterValidator(_no_nul)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Seen(Schema):
    """version: of the case as the person saw it; the If-Match header may say it instead."""

    version: Version | None = None


class Reasoned(Seen):
    reason: Reason


class Confirmation(Seen):
    """condition_key: the condition of its kind under which it is filed."""

    condition_key: Key | None = None


class KindGiven(Seen):
    kind: Key
    condition_key: Key | None = None
    reason: Reason | None = None


class DispatchOrder(Seen):
    """department: the case's own where it is left out."""

    department: Key | None = None


class Assigning(Seen):
    """assignee: the name of an operator, supervisor or handler; null for nobody."""

    assignee: Annotated[Short, Field(min_length=1)] | None


class Finishing(Seen):
    note: Reason | None = None


class Closing(Seen):
    """checked_by camera: it saw that the thing is gone. person: needs a ``note`` of what the person saw."""

    checked_by: CheckedBy
    note: Reason | None = None


class Asking(Seen):
    type: AskType
    reason: Reason


class AskDecision(Seen):
    granted: bool
    note: Reason | None = None


class Flagging(Reasoned):
    """Sets the flags that are named; one at least."""

    urgent: bool | None = None
    supervised: bool | None = None
    exempt: bool | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.flags:
            raise ValueError(f"expected one at least of {', '.join(FlagName)}")
        return self

    @property
    def flags(self) -> dict[FlagName, bool]:
        said = {name: getattr(self, name.value) for name in FlagName}
        return {name: wanted for name, wanted in said.items() if wanted is not None}


class Comment(Schema):
    text: Words


class Linking(Schema):
    other_id: UUID
    reason: Reason | None = None


class BatchItem(Seen):
    id: UUID


class Batch(Schema):
    """The same act on up to 100 cases, each on its own merits; ``reason`` is needed to reject."""

    act: Literal["confirm", "reject", "dispatch"]
    items: Annotated[list[BatchItem], Field(min_length=1, max_length=MAX_BATCH)]
    reason: Reason | None = None
    department: Key | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.act == "reject" and self.reason is None:
            raise ValueError("reason: expected one where alarms are rejected")
        return self


class BatchAnswer(Shown):
    """What became of one item: ``status`` as if it had been asked alone; after a conflict the case as it is now."""

    id: UUID
    status: int
    detail: str | None = None
    state: CaseState | None = None
    version: int | None = None
    number: str | None = None
    allowed_acts: list[str] | None = None


class ShownTimerLine(Shown):
    id: int
    at: datetime
    stage: str
    entry: str
    limit: float | None
    limit_unit: str | None
    due_at: datetime | None
    close_due_at: datetime | None
    remaining_s: float | None
    actor: str
    reason: str | None


class TimerPage(Shown):
    """Oldest first; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[ShownTimerLine]
    next: int | None


class ShownAsk(Shown):
    """granted: None until a supervisor decided, or it lapsed; ``note``: the supervisor's words, or why."""

    id: UUID
    type: str
    reason: str
    asked_at: datetime
    asked_by: str
    granted: bool | None
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


class ShownLink(Shown):
    """``case_id`` came after ``other_id``; relation: recurrence, after_mute, after_close, split or related."""

    case_id: UUID
    other_id: UUID
    relation: str
    at: datetime
    actor: str
