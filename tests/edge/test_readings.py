"""What an MQTT payload may be, and what is refused with its cause."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge.sensing.readings import JsonDecoder, PayloadRefused
from ingest.configuration import Sensor

ARRIVED = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def _decoder(value: str = "v", time: str | None = None) -> JsonDecoder:
    return JsonDecoder(Sensor(id="s", broker="b", topic="t", value=value, time=time, unit="m"))


@pytest.mark.parametrize(
    ("expression", "payload", "value"),
    [
        ("v", b'{"v": 1.5}', 1.5),
        ("v", b'{"v": "1.5"}', 1.5),
        ("v", b'{"v": true}', 1.0),
        ("data.levels[-1]", b'{"data": {"levels": [1, 2, 3]}}', 3.0),
        ("@", b"17", 17.0),
    ],
)
def test_a_value_is_found_by_its_expression(expression: str, payload: bytes, value: float) -> None:
    assert _decoder(expression).reading(payload, arrived_at=ARRIVED).value == value


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        (b'"2026-06-01T16:00:00+08:00"', ARRIVED),
        (b'"2026-06-01T08:00:00Z"', ARRIVED),
        (b"1780300800", ARRIVED),
        (b"1780300800000", ARRIVED),
    ],
    ids=["offset", "zulu", "seconds", "milliseconds"],
)
def test_device_time_is_read_in_its_usual_forms(time: bytes, moment: datetime) -> None:
    reading = _decoder(time="at").reading(b'{"v": 1, "at": ' + time + b"}", arrived_at=datetime.now(UTC))

    assert reading.measured_at == moment


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"", "not_json"),
        (b"[" * 100_000, "too_large"),
        (b"[" * 50_000, "not_json"),
        (b'{"w": 1}', "no_value"),
        (b'{"v": null}', "no_value"),
        (b"[1, 2]", "no_value"),
        (b'{"v": NaN}', "not_finite"),
        (b'{"v": Infinity}', "not_finite"),
        (b'{"v": 1e999}', "not_finite"),
        (b'{"v": ' + b"9" * 400 + b"}", "not_finite"),
        (b'{"v": "nan"}', "not_finite"),
        (b'{"v": "deep"}', "not_a_number"),
        (b'{"v": [1]}', "not_a_number"),
        (b'{"v": {"x": 1}}', "not_a_number"),
    ],
)
def test_what_gives_no_reading_is_refused_by_cause(payload: bytes, cause: str) -> None:
    with pytest.raises(PayloadRefused) as refused:
        _decoder().reading(payload, arrived_at=ARRIVED)

    assert refused.value.cause == cause


@pytest.mark.parametrize("time", [b'"yesterday"', b"null", b"1e300", b"[]", b"true"])
def test_a_time_that_is_none_is_refused(time: bytes) -> None:
    with pytest.raises(PayloadRefused, match="not a time"):
        _decoder(time="at").reading(b'{"v": 1, "at": ' + time + b"}", arrived_at=ARRIVED)
