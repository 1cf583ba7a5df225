"""The tables of the catalogue as people write them: kinds, their conditions, codes, limits of stages, escalation."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from api.catalogue.csv_tables import TableRow
from api.clocks.work_time import LimitUnit
from api.schemas import Key

MAX_LIMIT = 1000
MAX_JOIN_M = 2000
MAX_HOURS = 8784
"""A leap year's."""

Named = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
SeenBy = Annotated[str, StringConstraints(pattern=r"^(camera|sensor|centre)(\+(camera|sensor|centre)){0,2}$")]
Hours = Annotated[float, Field(ge=0, le=MAX_HOURS, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=31_622_400, allow_inf_nan=False)]
Metres = Annotated[float, Field(ge=0, le=MAX_JOIN_M, allow_inf_nan=False)]


def _fraction(value: Any) -> Any:
    """Ten minutes are 1/6 of an hour, which no decimal says."""
    if not isinstance(value, str) or "/" not in value:
        return value
    try:
        return float(Fraction(value))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("expected a number or a fraction such as 1/6") from None


Limit = Annotated[float, Field(gt=0, le=MAX_LIMIT, allow_inf_nan=False), BeforeValidator(_fraction)]


class KindFields(TableRow):
    """What can be edited of a kind. code_class ``none`` has no code; otherwise a code comes with its scheme."""

    name_en: Named
    name_zh: Named
    code_class: Literal["event", "component", "none"]
    code_scheme: Key | None = None
    code: Code | None = None
    seen_by: SeenBy
    policy: Literal["same", "any", "area"]
    dwell_s: Seconds
    clear_s: Seconds
    limit: Limit
    limit_unit: LimitUnit
    department: Key
    family: Key
    join_m: Metres
    join_h: Hours
    join_by_watch: bool
    mute_h: Hours
    keep_plate: bool
    safety: bool
    note: Named | None = None

    @model_validator(mode="after")
    def _code_has_its_scheme(self) -> Self:
        if (self.code is None) != (self.code_scheme is None):
            raise ValueError("expected code and code_scheme both or neither")
        if self.code_class == "none" and self.code is not None:
            raise ValueError("expected no code where code_class is none")
        return self


class KindRow(KindFields):
    key_fields: ClassVar[tuple[str, ...]] = ("key",)
    key: Key


class ConditionFields(TableRow):
    """Under which condition a case is filed and closed; without a limit of its own the kind's holds."""

    filed_when_en: Named
    filed_when_zh: Named
    closed_when_en: Named | None = None
    closed_when_zh: Named | None = None
    limit: Limit | None = None
    limit_unit: LimitUnit | None = None

    @model_validator(mode="after")
    def _limit_has_its_unit(self) -> Self:
        if (self.limit is None) != (self.limit_unit is None):
            raise ValueError("expected limit and limit_unit both or neither")
        return self


class ConditionRow(ConditionFields):
    key_fields: ClassVar[tuple[str, ...]] = ("kind_key", "key")
    kind_key: Key
    key: Key


class CodeRow(TableRow):
    """A code of somebody's table, a string under its scheme: leading zeros stay."""

    key_fields: ClassVar[tuple[str, ...]] = ("code_class", "scheme", "code")
    code_class: Literal["event", "component"]
    scheme: Key = Field(alias="code_scheme")
    code: Code
    name_zh: Named
    name_en: Named
    confidence: Key | None = None


class StageRow(TableRow):
    """How long a stage may take. reopen: how long a closed case may be reopened; expire: an alarm nobody sees again."""

    key_fields: ClassVar[tuple[str, ...]] = ("stage",)
    stage: Literal["accept", "dispatch", "check", "reopen", "expire"]
    limit: Limit
    limit_unit: LimitUnit

    @model_validator(mode="after")
    def _windows_run_on(self) -> Self:
        # Nobody works on a closed case, nor on an alarm that nobody sees: their time passes at night too.
        if self.stage in ("reopen", "expire") and self.limit_unit.counts_working_time:
            raise ValueError(f"expected hour, day or urgent_hour for {self.stage}, got {self.limit_unit}")
        return self


class EscalationRow(TableRow):
    """``share`` of a stage's limit after which ``level`` is reached, and a word for who is told."""

    key_fields: ClassVar[tuple[str, ...]] = ("stage", "level")
    stage: Literal["accept", "dispatch", "handle", "check"]
    level: Annotated[int, Field(ge=1, le=9)]
    share: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    tells: Key


class DayRow(TableRow):
    """A day that is not what its weekday says; working 0 is a holiday, 1 a make-up working day."""

    key_fields: ClassVar[tuple[str, ...]] = ("day",)
    day: Annotated[str, StringConstraints(pattern=r"^[12]\d{3}-\d{2}-\d{2}$")]
    working: bool
    name: Named

    @model_validator(mode="after")
    def _day_exists(self) -> Self:
        try:
            date.fromisoformat(self.day)
        except ValueError:
            raise ValueError("expected a day that exists, as YYYY-MM-DD") from None
        return self
