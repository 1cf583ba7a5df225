"""What the routes of people, sessions and keys take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.people.passwords import MIN_LENGTH
from api.rights import PEOPLE, Rights, Role
from api.schemas import Key, Utc
from api.tables import ApiKey, LoginSession, Person

PersonName = Annotated[str, StringConstraints(pattern=r"^\w[\w.@-]{0,63}$")]
PersonRole = Annotated[Role, Field(json_schema_extra={"enum": [role.value for role in PEOPLE]})]
Grids = Annotated[list[Key], Field(min_length=1, max_length=500)]
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Language = Literal["en", "zh"]
NewPassword = Annotated[str, StringConstraints(min_length=MIN_LENGTH, max_length=500)]
ShownPassword = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _show_scopes(schema: dict[str, Any]) -> None:
    rights = Rights.load()
    schema["enum"] = [action for action in rights.columns if rights.may(Role.INTEGRATOR, action)]


Scope = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9_]{1,40}\.[a-z0-9_]{1,60}$"),
    # A function: the table is read when somebody asks for the OpenAPI, and not before.
    Field(json_schema_extra=_show_scopes),
]
_NOT_SHOWN = ConfigDict(hide_input_in_errors=True)

_DEPARTMENT_GOES_WITH_HANDLER: dict[str, Any] = {
    "if": {"properties": {"role": {"const": "handler"}}},
    "then": {"required": ["department"], "properties": {"department": {"type": "string"}}},
    "else": {"properties": {"department": {"type": "null"}}},
}


def _is_a_persons(role: Role | None) -> None:
    if role is not None and role not in PEOPLE:
        raise ValueError(f"role: expected one of {', '.join(PEOPLE)}")


class Login(BaseModel):
    model_config = _NOT_SHOWN

    name: PersonName
    password: ShownPassword = Field(repr=False)


class OpenedSession(BaseModel):
    """``token`` goes into ``Authorization: Bearer``; it is shown this once."""

    token: str
    expires_at: datetime
    name: str
    role: Role
    department: str | None


class ShownSession(BaseModel):
    """A login that is still in force. current: the one that asks. address: where it was made from."""

    id: UUID | None
    opened_at: datetime
    last_used_at: datetime | None
    expires_at: datetime
    address: str | None
    current: bool

    @classmethod
    def of(cls, login: LoginSession, *, current: bool) -> Self:
        return cls(
            id=login.login_id,
            opened_at=login.opened_at or login.created_at,
            last_used_at=login.last_used_at,
            expires_at=login.expires_at,
            address=login.address,
            current=current,
        )


class SessionList(BaseModel):
    items: list[ShownSession]


class Me(BaseModel):
    """actions: what the caller may do, by the words of rights.csv; a handler, in the own department."""

    name: str
    role: Role
    department: str | None
    grids: list[str] | None
    display_name: str | None
    language: str | None
    actions: list[str]


class MyChanges(BaseModel):
    """What is left out stays as it is."""

    display_name: DisplayName | None = None
    language: Language | None = None


class PasswordChange(BaseModel):
    model_config = _NOT_SHOWN

    present: ShownPassword = Field(repr=False)
    new: NewPassword = Field(repr=False)


class NewPerson(BaseModel):
    """A handler needs a department; nobody else has one. grids: which ones the person sees cases of, none for all."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra=_DEPARTMENT_GOES_WITH_HANDLER)

    name: PersonName
    role: PersonRole
    department: Key | None = None
    grids: Grids | None = None
    display_name: DisplayName | None = None
    language: Language | None = None
    password: NewPassword = Field(repr=False)

    @model_validator(mode="after")
    def _department_goes_with_handler(self) -> Self:
        _is_a_persons(self.role)
        if (self.role is Role.HANDLER) != (self.department is not None):
            raise ValueError("department belongs to role handler, and only to it")
        return self


class PersonChanges(BaseModel):
    """What is left out stays as it is; null takes a department, grids, a display name or a language away."""

    role: PersonRole | None = None
    department: Key | None = None
    grids: Grids | None = None
    display_name: DisplayName | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _is_a_persons(self.role)
        if "role" in self.model_fields_set and self.role is None:
            raise ValueError("role: nobody is without one")
        return self

    def named(self) -> dict[str, Any]:
        """Returns those that were sent, with the role as a word."""
        named = {name: getattr(self, name) for name in self.model_fields_set}
        return named | ({"role": self.role.value} if self.role else {})


class ShownPerson(BaseModel):
    """has_password: no for those who log in with the identity provider alone."""

    id: UUID
    name: str
    role: Role
    department: str | None
    grids: list[str] | None
    display_name: str | None
    language: str | None
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool

    @classmethod
    def of(cls, person: Person) -> Self:
        return cls(
            id=person.id,
            name=person.name,
            role=Role(person.role),
            department=person.department,
            grids=person.grids,
            display_name=person.display_name,
            language=person.language,
            created_at=person.created_at,
            disabled_at=person.disabled_at,
            has_password=bool(person.password_hash),
        )


class PersonPage(BaseModel):
    """next: give it as ``after`` to go on; none at the end."""

    items: list[ShownPerson]
    next: str | None


class ResetPassword(BaseModel):
    """``password`` is shown this once."""

    password: str


class NewIntegratorKey(BaseModel):
    """name: whose key it is; several may have one name. scopes: actions of the rights, none for all of the role."""

    name: Key
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=100)] | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] = 365


class ShownKey(BaseModel):
    """last_used_at: to the minute."""

    id: UUID
    name: str
    scopes: list[str] | None
    created_at: Utc
    created_by: str | None
    expires_at: Utc | None
    revoked_at: Utc | None
    last_used_at: Utc | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        return cls(
            id=key.id,
            name=key.name or "",
            scopes=key.scopes,
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


class MadeKey(ShownKey):
    """``key`` goes into ``Authorization: Bearer``; it is shown this once."""

    key: str = ""


class KeyPage(BaseModel):
    """next: give it as ``after`` to go on; none at the end."""

    items: list[ShownKey]
    next: UUID | None
