"""How the Open311 door refuses, in either form, with which keys, and where it says it is."""

from __future__ import annotations

import pytest

from api.rights import Role
from tests.api.interchange.open311_asking import HERE, V2, errors_of, file_request, integrator_key, parsed, somewhere
from tests.api.place import Place


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"service_code": "burning"}, 400),
        ({"service_code": "burning", "lat": "32"}, 400),
        ({"service_code": "burning", "lat": "ninety", "long": "1"}, 400),
        ({"service_code": "burning", "lat": "91", "long": "1"}, 400),
        ({"service_code": "burning", "lat": "nan", "long": "1"}, 400),
        ({"service_code": "burning", "address_string": "a\x00b"}, 400),
        ({"service_code": "burning", "address_string": "a", "description": "x" * 4001}, 400),
        ({"service_code": "dancing", **HERE}, 404),
        ({"service_code": "camera-fault", **HERE}, 404),
        ({"service_code": "burning", "api_key": "wrong", **HERE}, 403),
        ({"service_code": "burning", "api_key": "", **HERE}, 403),
    ],
)
def test_errors_are_an_array_in_the_form_asked_for(
    shared_sqlite_place: Place, form: str, fields: dict[str, str], status: int
) -> None:
    answer = file_request(shared_sqlite_place, form, **fields)
    assert answer.status_code == status, answer.text
    assert [error["code"] for error in errors_of(answer)] == [status]
    assert errors_of(answer)[0]["description"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("requests/no-such-request", {}, 404),
        ("requests/341122%00", {}, 404),
        ("services/dancing", {}, 404),
        ("tokens/dancing", {}, 404),
        ("tokens/424dc15b-4c49-48f1-ae77-6933170421d6", {}, 404),
        ("requests", {"service_request_id": "no-such-request"}, 404),
        ("requests", {"status": "asleep"}, 400),
        ("requests", {"start_date": "yesterday"}, 400),
        ("requests", {"end_date": "2026-13-01"}, 400),
    ],
)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_reading_what_is_not_there_is_told_in_the_same_way(
    shared_place: Place, form: str, path: str, query: dict[str, str], status: int
) -> None:
    answer = shared_place.client().get(f"{V2}/{path}.{form}", params=query)
    assert (answer.status_code, [error["code"] for error in errors_of(answer)]) == (status, [status])


def test_the_key_may_be_in_the_query_and_must_be_an_integrators(shared_sqlite_place: Place) -> None:
    client, where = shared_sqlite_place.client(), {"service_code": "burning", **somewhere()}
    in_query = client.post(f"{V2}/requests.json", params={"api_key": integrator_key(shared_sqlite_place)}, data=where)
    assert in_query.status_code == 201
    assert shared_sqlite_place.person(Role.INTEGRATOR).post(f"{V2}/requests.json", data=where).status_code == 201
    operators = shared_sqlite_place.person(Role.OPERATOR).headers["Authorization"].removeprefix("Bearer ")
    refused = client.post(f"{V2}/requests.json", data={"api_key": operators, **where})
    assert (refused.status_code, errors_of(refused)[0]["code"]) == (403, 403)
    edge = shared_sqlite_place.client(shared_sqlite_place.edge_key())
    assert edge.get(f"{V2}/services.json").status_code == 403


def test_a_format_that_is_not_spoken_is_unknown(shared_sqlite_place: Place) -> None:
    answer = shared_sqlite_place.client().get(f"{V2}/services.yaml")
    assert (answer.status_code, errors_of(answer)[0]["code"]) == (404, 404)


def test_discovery_tells_where_the_endpoint_is(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    [endpoint] = client.get(f"{V2}/discovery.json").json()["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == f"{shared_sqlite_place.url}{V2}"
    root = parsed(client.get(f"{V2}/discovery.xml").content)
    assert root.tag == "discovery"
    formats = [element.text for element in root.iterfind("endpoints/endpoint/formats/format")]
    assert formats == ["text/xml", "application/json"]
    assert client.get(root.findtext("endpoints/endpoint/url", "") + "/services.xml").status_code == 200
