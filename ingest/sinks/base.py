"""What a sink is: a configuration, a class that sends one event, and the words for "no" and "later".

SinksError          the file of sinks, or a secret that it names, does not fit; somebody must change it
SinkFailure
├── SinkRefused     this event will never be taken: it becomes a dead letter of the sink
└── SinkUnavailable the other side is away, or asks to wait: the same event is tried again
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ingest.contract import Event, Name, Phase

Seconds = Annotated[float, Field(ge=0.1, le=60, allow_inf_nan=False)]


class SinksError(Exception):
    """The file of sinks, or a secret that it names, does not fit; the message says where and what was expected."""


class SinkFailure(Exception):
    """A sink did not take an event. Messages never hold secrets, nor the path of an address, which may be one."""


class SinkRefused(SinkFailure):
    """The other side will never take this event; trying again cannot help."""


class SinkUnavailable(SinkFailure):
    """The other side did not take it now. ``wait_s`` is how long it asked to wait, in seconds.

    ``fault``: it failed at the event rather than being away; the event itself may be the reason.
    """

    def __init__(self, message: str, *, wait_s: float = 0.0, fault: bool = False) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.fault = fault


class SinkConfiguration(BaseModel):
    """What every sink has in the file; ``kinds`` and ``phases`` say what it wants to hear of, left out: all."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Name
    type: str
    kinds: Annotated[list[Name], Field(min_length=1)] | None = None
    phases: Annotated[list[Phase], Field(min_length=1)] | None = None

    def wants(self, event: Event) -> bool:
        kinds, phases = self.kinds_wanted, self.phases_wanted
        return (kinds is None or event.kind in kinds) and (phases is None or event.phase in phases)

    @property
    def kinds_wanted(self) -> Sequence[str] | None:
        """The kinds that it hears of, None for all."""
        return self.kinds

    @property
    def phases_wanted(self) -> Sequence[str] | None:
        return self.phases

    @property
    def target(self) -> str:
        """Where it sends, in words for people and without any secret."""
        return self.type


class Sink(Protocol):
    """Sends events to one other side; used by one thread. Building one opens no connection."""

    def send(self, event: Event) -> None:
        """Returns once the other side has the event. It may come again: after a crash nobody knows.

        Raises: SinkRefused, SinkUnavailable.
        """
        ...

    def close(self) -> None: ...


class SinkMemory(Protocol):
    """A few words that a sink must still know after a crash. Every call may raise StreamUnavailable."""

    def recall(self, key: str) -> str | None: ...

    def keep(self, key: str, value: str) -> None:
        """Durable, as far as Redis is, once it returns."""
        ...


class NoMemory:
    """The memory of a sink that is only checked, and sends nothing."""

    def recall(self, key: str) -> str | None:  # noqa: ARG002
        return None

    def keep(self, key: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sink may use: the environment for its secrets, and a memory of its own."""

    environment: Mapping[str, str]
    memory: SinkMemory


ConfigurationT = TypeVar("ConfigurationT", bound=SinkConfiguration)


@dataclass(frozen=True, slots=True)
class SinkPlugin(Generic[ConfigurationT]):
    """What a plug-in file offers as ``PLUGIN``: ``key``, its type in the YAML, its configuration and its class.

    ``build`` raises SinksError where a secret is missing or does not fit.
    """

    key: str
    configuration: type[ConfigurationT]
    build: Callable[[ConfigurationT, Surroundings], Sink]


AnySinkPlugin = SinkPlugin[Any]
