"""Turns an MQTT payload into a reading, or says in a word why it is none."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import jmespath
import jmespath.exceptions

from detectors.base import Reading
from ingest.configuration import Sensor

MAX_PAYLOAD_BYTES = 64 * 1024
EPOCH_MS_FROM = 1e11
"""A number above this is milliseconds since 1970, below it seconds: the year 5138 in the one, 1973 in the other."""


class PayloadRefused(Exception):
    """The payload gives no reading; ``cause`` is a short word to count by."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class JsonDecoder:
    """Reads JSON payloads by the sensor's two JMESPath expressions, compiled once."""

    def __init__(self, sensor: Sensor) -> None:
        self._sensor = sensor
        self._value = jmespath.compile(sensor.value)
        self._time = jmespath.compile(sensor.time) if sensor.time else None

    def reading(self, payload: bytes, *, arrived_at: datetime) -> Reading:
        """Raises: PayloadRefused: Not JSON, no such value, not a finite number, or not a time."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise PayloadRefused("too_large", f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError):
            raise PayloadRefused("not_json", "payload is not JSON") from None
        return Reading(
            value=_number(self._search(self._value, document), self._sensor.value),
            unit=self._sensor.unit,
            measured_at=_moment(self._search(self._time, document), str(self._sensor.time))
            if self._time is not None
            else arrived_at,
        )

    @staticmethod
    def _search(expression: Any, document: Any) -> Any:
        try:
            return expression.search(document)
        except (jmespath.exceptions.JMESPathError, RecursionError, ArithmeticError, ValueError, TypeError):
            # JMESPath's own functions let Python's errors through: floor() of NaN, a slice with step 0.
            raise PayloadRefused("no_value", "the expression does not apply to this payload") from None


def _number(found: Any, where: str) -> float:
    if isinstance(found, bool):
        return float(found)
    if isinstance(found, str):
        try:
            found = float(found)
        except ValueError:
            raise PayloadRefused("not_a_number", f"{where} is not a number") from None
    if found is None:
        raise PayloadRefused("no_value", f"payload has no {where}")
    if not isinstance(found, (int, float)):
        raise PayloadRefused("not_a_number", f"{where} is not a number")
    try:
        number = float(found)
    except OverflowError:
        raise PayloadRefused("not_finite", f"{where} is too large") from None
    if not math.isfinite(number):
        raise PayloadRefused("not_finite", f"{where} is not finite")
    return number


def _moment(found: Any, where: str) -> datetime:
    try:
        if isinstance(found, str):
            moment = datetime.fromisoformat(found)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            return datetime.fromtimestamp(found / 1000 if found > EPOCH_MS_FROM else found, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise PayloadRefused("no_time", f"{where} is not a time")
