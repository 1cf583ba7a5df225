"""Makes a place ready to run: folders, tables, kinds, the first person and the service's key."""

from __future__ import annotations

from dataclasses import dataclass, field

from api.acts.stage_rules import seed_rules
from api.catalogue import read_kinds
from api.clocks.default_calendar import seed_calendar
from api.database import Database, DatabaseUnavailable, database_of_command
from api.evidence_store import open_evidence_store
from api.inserting import insert_if_absent
from api.migrate import lock_for_start, migrate
from api.people.accounts import first_administrator, nobody_yet
from api.people.keys import KeyKind, keep_service_key, new_secret
from api.people.passwords import Passwords
from api.places.defaults import seed_places
from api.secret_file import read_or_create
from api.settings import ApiSettings
from api.tables import Kind

__all__ = ["DatabaseUnavailable", "FirstStart", "prepare"]


@dataclass(frozen=True, slots=True)
class FirstStart:
    """administrator_password: of the person ``administrator`` where this start made it; shown this once."""

    administrator_password: str | None = field(repr=False)


def prepare(settings: ApiSettings) -> FirstStart:
    """Does what is not done yet; harmless to repeat, and to run in several processes at once.

    Raises: DatabaseUnavailable. MigrationError: A newer release's database.
        SecretFileError, EvidenceUnavailable: A path cannot be used.
    """
    open_evidence_store(settings.evidence).prepare()
    with database_of_command(settings.database_url) as database:
        migrate(database)
        return FirstStart(administrator_password=_seed(database, settings))


def _seed(database: Database, settings: ApiSettings) -> str | None:
    service_key = read_or_create(settings.service_key_file, lambda: new_secret(KeyKind.SERVICE))
    with database.write() as session:
        lock_for_start(session.connection())
        # Only what is missing: a city's own names, codes and limits must outlive an upgrade.
        insert_if_absent(session, Kind, read_kinds(), unique=["key"])
        seed_calendar(session, settings.time_zone)
        seed_rules(session)
        seed_places(session)
        keep_service_key(session, service_key)
        return first_administrator(session, Passwords()) if nobody_yet(session) else None
