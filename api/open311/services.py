"""The kinds of the catalogue as GeoReport's services."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from api.indicators.population import OPERATIONAL_KINDS
from api.open311.documents import Content
from api.tables import Kind

_COMPONENT = "component"
ASSET = "asset_id"
_ASSET_ATTRIBUTE: dict[str, Content] = {
    "variable": True,
    "code": ASSET,
    "datatype": "string",
    "required": False,
    "datatype_description": "The number on the cover, the lamp or the like",
    "order": 1,
    "description": "Which one is it? 编号",
    "values": [],
}


def is_public() -> ColumnElement[bool]:
    """Whether a kind is shown at all: what ails our own cameras and boxes is nobody else's."""
    return Kind.key.not_in(OPERATIONAL_KINDS)


def is_service() -> ColumnElement[bool]:
    """Whether a kind can be asked for."""
    return is_public() & Kind.retired.is_(False)


def services(session: Session, *, chinese: bool) -> list[Content]:
    found = session.scalars(select(Kind).where(is_service()).order_by(Kind.key))
    return [_service(kind, chinese=chinese) for kind in found]


def find_service(session: Session, code: str) -> Kind | None:
    return session.scalar(select(Kind).where(Kind.key == code, is_service()))


def definition(kind: Kind) -> Content:
    """Returns which attributes a request of this service may have beside the usual."""
    attributes: Sequence[Content] = [_ASSET_ATTRIBUTE] if _has_attributes(kind) else []
    return {"service_code": kind.key, "attributes": attributes}


def service_name(kind: Kind, *, chinese: bool) -> str:
    return kind.name_zh if chinese else kind.name_en


def _service(kind: Kind, *, chinese: bool) -> Content:
    return {
        "service_code": kind.key,
        "service_name": service_name(kind, chinese=chinese),
        "description": f"{kind.name_en} / {kind.name_zh}",
        "metadata": _has_attributes(kind),
        # A report is reviewed before it is filed, so that there is a token first.
        "type": "batch",
        "keywords": f"{kind.key},{kind.family}",
        "group": kind.family,
    }


def _has_attributes(kind: Kind) -> bool:
    return kind.code_class == _COMPONENT
