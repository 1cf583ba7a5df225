"""Mints case numbers: dense for each district and local day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from api.inserting import insert_into
from api.tables import CaseCounter


def mint_number(session: Session, *, district: str, filed_at: datetime, zone: ZoneInfo) -> str:
    """Returns the next number, such as ``341122-20261123-0001``.

    The counter's row stays locked until the transaction ends, so a number that is rolled back is given again.
    """
    day = filed_at.astimezone(zone).strftime("%Y%m%d")
    first = insert_into(session, CaseCounter).values(district=district, day=day, last=1)
    next_one = first.on_conflict_do_update(
        index_elements=["district", "day"], set_={"last": CaseCounter.last + 1}
    ).returning(CaseCounter.last)
    return f"{district}-{day}-{session.execute(next_one).scalar_one():04d}"
