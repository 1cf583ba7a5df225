"""What the audit trail does by itself: it is sealed all the time, and its head is exported once a day."""

from __future__ import annotations

import structlog

from api.audit.chain import BATCH_ROWS, anything_unsealed, seal
from api.audit.heads import export_head
from api.chores.runner import Chore
from api.services import Services

_log = structlog.get_logger()
_BATCHES_AT_ONCE = 20
"""The end of the process must not wait for a flood of rows; the rest is sealed half a second later."""


def seal_rows(services: Services) -> None:
    with services.database.read() as session:
        if not anything_unsealed(session):
            return
    for _ in range(_BATCHES_AT_ONCE):
        with services.database.write() as session:
            sealed = seal(session)
        if sealed < BATCH_ROWS:
            return


def export_todays_head(services: Services) -> None:
    with services.database.write() as session:
        done = export_head(session, services.settings.audit_heads, now=services.clock())
    if done:
        _log.info("audit head exported", file=str(services.settings.audit_heads))


AUDIT_CHORES = (
    Chore(name="audit sealer", every_s=0.5, run=seal_rows, prompt=True),
    Chore(name="audit head", every_s=60.0, run=export_todays_head),
)
