"""Finds out who here is the person whom an identity provider names, and logs them in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.people.accounts import NameTaken, add_person
from api.people.logins import write_login
from api.people.oidc_errors import OidcStranger
from api.people.oidc_settings import GivenRole, OidcSettings
from api.people.sessions import Lasting, NewSession, open_session
from api.tables import Person

_NAME = re.compile(r"\w[\w.@-]{0,63}")


def log_in_by_provider(
    session: Session,
    settings: OidcSettings,
    claims: Mapping[str, Any],
    *,
    now: datetime,
    lasting: Lasting,
    address: str,
    request_id: str | None,
) -> NewSession:
    """Raises: OidcStranger: Also for a person who is disabled."""
    subject = f"{settings.issuer} {claims['sub']}"
    person = session.scalar(select(Person).where(Person.subject == subject).with_for_update())
    if person is None:
        person = _first_login(session, settings, claims, subject) or _added(session, settings, claims, subject, now)
        details = {"act": "subject_linked", "subject": subject, "role": person.role}
        write_audit(
            session,
            "session.open",
            f"person:{person.name}",
            at=now,
            actor=f"person:{person.name}",
            request_id=request_id,
            details=details,
        )
    if person.disabled_at is not None:
        raise OidcStranger("whom the provider names may not log in here")
    write_login(session, person, now=now, request_id=request_id, way="oidc", address=address)
    return open_session(session, person, now=now, lasting=lasting, address=address)


def _first_login(session: Session, settings: OidcSettings, claims: Mapping[str, Any], subject: str) -> Person | None:
    """Links somebody who is here already, and never somebody who is linked to another subject."""
    name = claims.get(settings.match_claim) if settings.match_claim else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    if settings.match_claim == "email" and claims.get("email_verified") is not True:
        return None
    unlinked = select(Person).where(Person.name == name, Person.subject.is_(None))
    person = session.scalar(unlinked.with_for_update())
    if person is not None and person.disabled_at is None:
        person.subject = subject
        return person
    return None


def _added(session: Session, settings: OidcSettings, claims: Mapping[str, Any], subject: str, now: datetime) -> Person:
    given = _given_role(settings, claims.get(settings.role_claim))
    if given is None:
        raise OidcStranger("nobody here is whom the provider names")
    said = claims.get("preferred_username")
    name = said if isinstance(said, str) and _NAME.fullmatch(said) else None
    name = name or f"oidc-{hashlib.sha256(subject.encode()).hexdigest()[:16]}"
    display_name = claims.get("name")
    try:
        return add_person(
            session,
            name=name,
            role=given.role,
            department=given.department,
            password_hash="",
            now=now,
            subject=subject,
            display_name=display_name[:100].replace("\x00", "") if isinstance(display_name, str) else None,
        )
    except NameTaken:
        # Whoever has the name here may be somebody else.
        raise OidcStranger(f"somebody else here is called {name}") from None


def _given_role(settings: OidcSettings, said: object) -> GivenRole | None:
    values = said if isinstance(said, list) else [said]
    return next((given for value, given in settings.roles.items() if value in values), None)
