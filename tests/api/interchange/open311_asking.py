"""Asks the Open311 door as other systems do, and reads its two forms."""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import httpx

from api.rights import Role
from tests.api.place import Place

V2 = "/open311/v2"
_taken = iter(range(1000))
HERE = {"lat": "32.4520000", "long": "118.4330000"}
SERVICE = {"service_code", "service_name", "description", "metadata", "type", "keywords", "group"}
REQUEST = {
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
    "media_url",
}


def integrator_key(place: Place) -> str:
    """Of an integrator who may file requests, and nothing else."""
    body = {"name": f"city-{uuid4().hex[:8]}", "scopes": ["open311.file_request_with_key"]}
    made = place.person(Role.ADMINISTRATOR).post("/api/v1/keys", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def file_request(place: Place, form: str = "json", **fields: str) -> httpx.Response:
    return place.client().post(f"{V2}/requests.{form}", data={"api_key": integrator_key(place), **fields})


def parsed(document: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(document)  # noqa: S314 (our own)


def errors_of(answer: httpx.Response) -> list[dict[str, Any]]:
    if answer.headers["Content-Type"].startswith("application/json"):
        errors: list[dict[str, Any]] = answer.json()
        return errors
    root = parsed(answer.content)
    assert root.tag == "errors"
    return [{"code": int(e.findtext("code", "")), "description": e.findtext("description")} for e in root]


def somewhere() -> dict[str, str]:
    """A place of its own, so that nothing joins what another test reported."""
    return {"lat": f"{31 + next(_taken) / 100:.7f}", "long": "118.4330000"}
