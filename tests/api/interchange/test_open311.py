"""Other cities' clients read services, file requests and follow them, as the text of GeoReport v2 says."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from georeport import GeoReport

from api.rights import Role
from tests.api.interchange.hooks import file_case
from tests.api.interchange.open311_asking import REQUEST, SERVICE, V2, file_request, parsed, somewhere
from tests.api.place import Place, a_report


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_independent_client_follows_a_request_to_its_end(shared_place: Place, form: str) -> None:
    client = GeoReport(f"{shared_place.url}{V2}", jurisdiction="city.example", output_format=form)
    codes = {service["service_code"] for service in client.get_service_list()}
    assert {"street-encroachment", "manhole-open"} <= codes
    assert not codes & {"camera-fault", "sensor-fault", "edge-fault"}
    assert client.get_service_definition("manhole-open")["service_code"] == "manhole-open"

    filed = file_request(shared_place, service_code="manhole-open", description="Cover is gone", **somewhere())
    assert filed.status_code == 201, filed.text
    [answer] = filed.json()
    assert set(answer) == {"token", "service_notice", "account_id"}
    token = answer["token"]
    waiting = shared_place.client().get(f"{V2}/tokens/{token}.json").json()
    assert waiting == [{"service_request_id": None, "token": token}]

    confirmed = shared_place.person(Role.OPERATOR).post(f"/api/v1/cases/{token}/confirm")
    request_id = shared_place.client().get(f"{V2}/tokens/{token}.json").json()[0]["service_request_id"]
    assert request_id == confirmed.json()["number"]
    request = client.get_service_request(request_id)
    assert set(request) == REQUEST
    assert (request["status"], request["service_code"], request["description"]) == (
        "open",
        "manhole-open",
        "Cover is gone",
    )
    listed = client.get_service_requests(service_request_id=f"{request_id},{file_case(shared_place)}")
    assert len(listed) == 2

    _work_to_its_end(shared_place, token, "municipal-works")
    closed = client.get_service_request(request_id)
    assert (closed["status"], closed["status_notes"]) == ("closed", "Closed")
    assert closed["expected_datetime"].endswith("+08:00")
    assert closed["updated_datetime"] >= request["updated_datetime"]


def _work_to_its_end(place: Place, case_id: str, department: str) -> None:
    operator, handler = place.person(Role.OPERATOR), place.person(Role.HANDLER, department)
    closing = {"checked_by": "person", "note": "seen on the spot"}
    steps: list[tuple[httpx.Client, str, dict[str, str]]] = [
        (operator, "dispatch", {}),
        (handler, "start", {}),
        (handler, "finish", {}),
        (operator, "check", {}),
        (operator, "close", closing),
    ]
    for client, step, body in steps:
        answer = client.post(f"/api/v1/cases/{case_id}/{step}", json=body)
        assert answer.status_code == 200, f"{step}: {answer.text}"


def test_services_are_the_catalogue_in_both_languages_and_forms(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    as_json = client.get(f"{V2}/services.json")
    as_xml = client.get(f"{V2}/services.xml")
    assert as_json.headers["Content-Type"] == "application/json; charset=utf-8"
    assert as_xml.headers["Content-Type"] == "text/xml; charset=utf-8"
    root = parsed(as_xml.content)
    assert (root.tag, {child.tag for child in root}) == ("services", {"service"})
    for service, element in zip(as_json.json(), root, strict=True):
        assert set(service) == {child.tag for child in element} == SERVICE
        assert service["service_code"] == element.findtext("service_code")
        assert element.findtext("metadata") == str(service["metadata"]).lower()
    in_chinese = client.get(f"{V2}/services.json", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).json()
    assert "占道经营" in [service["service_name"] for service in in_chinese]


def test_a_definition_names_the_attributes_of_a_component(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    definition = client.get(f"{V2}/services/manhole-open.json").json()
    assert [attribute["code"] for attribute in definition["attributes"]] == ["asset_id"]
    root = parsed(client.get(f"{V2}/services/manhole-open.xml").content)
    assert root.tag == "service_definition"
    assert root.findtext("attributes/attribute/code") == "asset_id"
    assert root.findtext("attributes/attribute/required") == "false"
    assert client.get(f"{V2}/services/burning.json").json() == {"service_code": "burning", "attributes": []}
    assert client.get(f"{V2}/services/camera-fault.json").status_code == 404


def test_xml_answers_to_a_filing_nest_as_the_text_says(shared_sqlite_place: Place) -> None:
    answer = file_request(shared_sqlite_place, "xml", service_code="burning", address_string="Main street 1")
    root = parsed(answer.content)
    assert (answer.status_code, root.tag, root[0].tag) == (201, "service_requests", "request")
    token = root.findtext("request/token")
    again = parsed(shared_sqlite_place.client().get(f"{V2}/tokens/{token}.xml").content)
    assert (again.findtext("request/token"), again.findtext("request/service_request_id")) == (token, "")


def test_what_is_filed_already_is_answered_with_its_id(shared_place: Place) -> None:
    where = somewhere()
    [first] = file_request(shared_place, service_code="exposed-garbage", **where).json()
    number = shared_place.person(Role.OPERATOR).post(f"/api/v1/cases/{first['token']}/confirm").json()["number"]
    [second] = file_request(shared_place, service_code="exposed-garbage", **where).json()
    assert second["service_request_id"] == number


def test_a_request_carries_the_forms_words_to_the_operator_and_no_person_to_the_public(shared_place: Place) -> None:
    answer = file_request(
        shared_place,
        service_code="manhole-open",
        address_string="人民路 1 号",
        description="井盖不见了",
        first_name="Mei",
        last_name="Li",
        phone="13800000000",
        email="mei@example.org",
        media_url="https://pictures.example/1.jpg",
        **{"attribute[asset_id]": f"M-{uuid4().hex[:8]}"},
        **somewhere(),
    )
    token = answer.json()[0]["token"]
    number = shared_place.person(Role.OPERATOR).post(f"/api/v1/cases/{token}/confirm").json()["number"]
    shown = shared_place.client().get(f"{V2}/requests/{number}.json")
    [request] = shown.json()
    assert request["description"] == "井盖不见了\nhttps://pictures.example/1.jpg"
    assert request["address"] == "人民路 1 号"
    assert request["media_url"] is None
    for secret in ("Mei", "13800000000", "mei@example.org"):
        assert secret not in shown.text
    assert shared_place.case(token)["asset_id"].startswith("M-")
    assert shared_place.client().get(f"{V2}/requests/{token}.json").json() == [request]


def test_only_filed_cases_are_shown(shared_place: Place) -> None:
    [answer] = shared_place.report(a_report())
    [gone_into, other] = shared_place.report(a_report(), a_report())
    merging = shared_place.person(Role.OPERATOR).post(
        f"/api/v1/cases/{gone_into.case_id}/merge", json={"into": str(other.case_id)}
    )
    assert merging.status_code == 200, merging.text
    client = shared_place.client()
    assert client.get(f"{V2}/requests/{gone_into.case_id}.json").status_code == 404
    assert client.get(f"{V2}/requests/{answer.case_id}.json").status_code == 404
    listed = client.get(f"{V2}/requests.json").json()
    assert None not in [request["service_request_id"] for request in listed]


def test_lists_are_filtered_by_service_status_and_time(shared_place: Place) -> None:
    case_id = file_case(shared_place, kind="dirty-water")
    number = shared_place.case(case_id)["number"]

    def listed(**query: str) -> list[str]:
        answer = shared_place.client().get(f"{V2}/requests.json", params=query)
        assert answer.status_code == 200, answer.text
        return [request["service_request_id"] for request in answer.json()]

    [request] = shared_place.client().get(f"{V2}/requests/{number}.json").json()
    made = datetime.fromisoformat(request["requested_datetime"])
    assert made.utcoffset() == timedelta(hours=8)
    day = timedelta(days=1)
    assert listed(service_code="dirty-water,no-such-service") == [number]
    assert listed(service_code="dirty-water", status="open") == [number]
    assert listed(service_code="dirty-water", status="closed") == []
    assert listed(service_code="dirty-water", status="open,closed") == [number]
    assert listed(service_code="dirty-water", start_date=(made - day).isoformat()) == [number]
    assert listed(service_code="dirty-water", start_date=(made + day).isoformat()) == []
    assert listed(service_code="dirty-water", end_date=(made - day).isoformat()) == []
    assert listed(service_code="no-such-service") == []
    assert listed(service_code="dirty-water", start_date=made.date().isoformat()) == [number]
    long_ago, later = (made - 200 * day).isoformat(), (made + day).isoformat()
    assert listed(service_code="dirty-water", start_date=long_ago) == []
    assert listed(service_code="dirty-water", start_date=long_ago, end_date=later) == [number]
    assert listed(service_code="dirty-water", start_date=later, end_date=long_ago) == []
    for extreme in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert listed(start_date=extreme) == listed(end_date=extreme, start_date=extreme) == []
    empty = shared_place.client().get(f"{V2}/requests.xml", params={"service_code": "no-such-service"})
    assert len(parsed(empty.content)) == 0
