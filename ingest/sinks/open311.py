"""The sink ``open311``: files a raised incident with another city's server by GeoReport v2, once.

https://wiki.open311.org/GeoReport_v2
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import structlog
from pydantic import Field, StringConstraints, model_validator

from ingest.contract import Datum, Event, Name, Phase, Position
from ingest.sinks.base import (
    Seconds,
    SinkConfiguration,
    SinkMemory,
    SinkPlugin,
    SinkRefused,
    SinkUnavailable,
    Surroundings,
)
from ingest.sinks.http_post import Answer, HttpLine, HttpUrl, expect_success, shown
from ingest.sinks.secret import check_places, read_secret
from ingest.sinks.template import Template, filled

DESCRIPTION_MAX = 4000
LIST_MAX_BYTES = 10_000_000
CLOCKS_DIFFER = timedelta(minutes=10)
_TRIED = "tried "

Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Open311Configuration(SinkConfiguration):
    """``url`` is the endpoint, below which ``requests.json`` lies; ``service_codes`` is the other side's code by kind.

    A kind without a code is not sent. Only ``raised`` is: the other city follows its own requests.
    """

    type: Literal["open311"]
    url: HttpUrl
    service_codes: Annotated[dict[Name, Code], Field(min_length=1)]
    jurisdiction_id: Code | None = None
    api_key_env: str | None = None
    api_key_file: Path | None = None
    description: Template = "{kind} at {source_id}, seen since {first_seen_at}."
    ca_file: Path | None = None
    timeout_s: Seconds = 20.0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_places("api_key", self.api_key_env, self.api_key_file)
        if self.phases not in (None, [Phase.RAISED]):
            raise ValueError("phases: expected [raised] or nothing, for nothing else is filed")
        if strangers := set(self.kinds or []) - set(self.service_codes):
            raise ValueError(f"kinds: expected kinds with a service code, got {', '.join(sorted(strangers))} too")
        return self

    @property
    def kinds_wanted(self) -> Sequence[str]:
        return self.kinds or list(self.service_codes)

    @property
    def phases_wanted(self) -> Sequence[str]:
        return [Phase.RAISED]

    @property
    def target(self) -> str:
        return shown(self.url)


class Open311:
    """Files with one server.

    GeoReport knows no way to say "the same again". So the memory is told before a request is posted, and gets its id
    afterwards; where the answer was never heard, the server's own list is asked for the incident first.
    """

    def __init__(
        self, configuration: Open311Configuration, surroundings: Surroundings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._configuration = configuration
        self._memory: SinkMemory = surroundings.memory
        self._clock = clock
        self._api_key = read_secret(
            configuration.name,
            "api_key",
            env=configuration.api_key_env,
            file=configuration.api_key_file,
            environment=surroundings.environment,
        )
        self._url = configuration.url.rstrip("/") + "/requests.json"
        self._line = HttpLine(timeout_s=configuration.timeout_s, ca_file=configuration.ca_file)
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger().bind(sink=configuration.name)

    def send(self, event: Event) -> None:
        incident_id = str(event.incident_id)
        known = self._memory.recall(incident_id)
        if known is not None and not known.startswith(_TRIED):
            return
        form = self._form(event, _wgs84_position(event))
        if known is not None and (found := self._look_for(event, tried_at=known.removeprefix(_TRIED))):
            self._memory.keep(incident_id, found)
            return
        if known is None:
            self._memory.keep(incident_id, _TRIED + datetime.fromtimestamp(self._clock(), UTC).isoformat())
        answer = self._line.ask("POST", self._url, form=form)
        expect_success(answer, self._url)
        filed = _filed_as(answer, self._url)
        self._memory.keep(incident_id, filed)
        self._log.info("filed with open311", incident_id=incident_id, filed_as=filed)

    def close(self) -> None:
        self._line.close()

    def _form(self, event: Event, position: Position) -> dict[str, str]:
        ending = f"\n{_mark(event)}"
        form = {
            "service_code": self._configuration.service_codes[event.kind],
            "lat": f"{position.latitude:.7f}",
            "long": f"{position.longitude:.7f}",
            "description": filled(self._configuration.description, event)[: DESCRIPTION_MAX - len(ending)] + ending,
            "api_key": self._api_key or "",
        }
        return form | self._jurisdiction()

    def _jurisdiction(self) -> dict[str, str]:
        jurisdiction_id = self._configuration.jurisdiction_id
        return {} if jurisdiction_id is None else {"jurisdiction_id": jurisdiction_id}

    def _look_for(self, event: Event, *, tried_at: str) -> str | None:
        """Returns the id under which the server has the incident already; None where it shows none.

        A server that does not list its requests leaves us to file again. Raises: SinkUnavailable.
        """
        since = datetime.fromisoformat(tried_at) - CLOCKS_DIFFER
        query = {
            "service_code": self._configuration.service_codes[event.kind],
            "start_date": since.isoformat(timespec="seconds"),
        }
        answer = self._line.ask("GET", self._url, query=query | self._jurisdiction(), max_bytes=LIST_MAX_BYTES)
        try:
            expect_success(answer, self._url)
        except SinkUnavailable:
            if answer.status >= 500 or answer.status == 429:
                raise
            items = None
        except SinkRefused:
            items = None
        else:
            items = _items(answer)
        if items is None:
            self._log.warning("open311 shows no list; a request may be filed twice", incident_id=str(event.incident_id))
        listed = [item for item in items or [] if _mark(event) in str(item.get("description"))]
        return _id_in(listed[0]) if listed else None


def _mark(event: Event) -> str:
    """Returns the words that tell an incident's request from all others."""
    return f"Streetcase incident {event.incident_id}"


def _wgs84_position(event: Event) -> Position:
    if event.position is None:
        raise SinkRefused("it has no position, and the other city needs one")
    if event.position.datum is not Datum.WGS84:
        raise SinkRefused(f"its position is {event.position.datum}, and Open311 takes WGS84 only")
    return event.position


def _filed_as(answer: Answer, url: str) -> str:
    """Returns the id or token in the answer to a POST; "filed" where the server gives neither.

    Raises: SinkUnavailable: If it is no answer of a GeoReport server, so that nothing is known to be filed.
    """
    items = _items(answer)
    if not items or "code" in items[0]:
        raise SinkUnavailable(f"{shown(url)} answered {answer.status}, but not as a GeoReport server", fault=True)
    return _id_in(items[0])


def _id_in(item: dict[str, Any]) -> str:
    for name in ("service_request_id", "token"):
        if item.get(name):
            return f"{name} {item[name]}"[:200]
    return "filed"


def _items(answer: Answer) -> list[dict[str, Any]] | None:
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if isinstance(content, dict):  # Some servers keep the element that XML needs.
        content = content.get("service_requests", [content])
    return content if isinstance(content, list) and all(isinstance(item, dict) for item in content) else None


PLUGIN = SinkPlugin(key="open311", configuration=Open311Configuration, build=Open311)
