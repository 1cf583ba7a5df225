"""The sensors behind one broker: their desks, their connection, its thread; made anew when a watch changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import cast

import structlog

from detectors.base import DetectorError, ReadingRule
from detectors.registry import build
from edge.outbox.box import Outbox, OutboxError
from edge.outbox.keeper import Keeper
from edge.processes.asking import in_bounds
from edge.processes.cannot_start import EdgeCannotStart, WatchCannotStart
from edge.processes.parts import part_of
from edge.processes.threads import tireless
from edge.reading.faults import waits_s
from edge.sensing.sensors import BrokerLink, SensorDesk, SensorWatch
from edge.staying.clock import SystemClock
from edge.staying.stays import WatchStays
from ingest.configuration import Broker, EdgeConfiguration

log = structlog.get_logger(__name__)


class BrokerSide:
    """One broker with its sensors. To change a watch it is stopped and made again from the stays on the disk.

    What was not acknowledged by then the broker delivers again, to the same session.
    """

    def __init__(
        self,
        broker: Broker,
        configuration: EdgeConfiguration,
        *,
        outbox: Outbox,
        keeper: Keeper,
        environment: Mapping[str, str],
    ) -> None:
        self.desks: list[SensorDesk] = []
        self.configuration = configuration
        self.refused: WatchCannotStart | None = None
        self._broker = broker
        self._outbox = outbox
        self._keeper = keeper
        self._environment = environment
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._retired = False
        self._start_at_s = 0.0
        self._waits: Iterator[float] = waits_s()

    def start(self) -> None:
        """Starts it; where a rule cannot be built, ``refused`` says which. Raises: EdgeCannotStart, OutboxError."""
        try:
            desks = self._make_desks()
        except WatchCannotStart as error:
            if self.refused is None:
                log.error("sensors cannot start", broker=self._broker.id, error=str(error))
            self.refused = error
            self.desks = self._idle_desks(str(error))
            self._start_at_s = time.monotonic() + next(self._waits)
            return
        stop = threading.Event()
        try:
            link = BrokerLink(
                self._broker,
                desks,
                edge_id=self.configuration.edge_id,
                environment=self._environment,
                clock=SystemClock(),
                stop=stop,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            message = f"broker {self._broker.id}: ca_file {self._broker.ca_file} cannot be used: {error}"
            raise EdgeCannotStart(message) from None
        self._stop, self.desks = stop, desks
        self._thread = tireless(link.run, name="broker", stop=stop)
        self._thread.start()

    def tend(self) -> None:
        """Starts it when it was changed; what keeps it from starting is told, and tried again."""
        if self._retired or self._thread is not None or time.monotonic() < self._start_at_s:
            return
        try:
            self.start()
        except (EdgeCannotStart, OutboxError) as error:
            log.error("sensors cannot start", broker=self._broker.id, error=str(error))
            self.desks = self._idle_desks(str(error))
            self._start_at_s = time.monotonic() + next(self._waits)

    def retire(self) -> None:
        """Asks it to finish the reading in hand, and to stay away until :meth:`take`."""
        self._retired = True
        self._stop.set()

    @property
    def is_retired(self) -> bool:
        return self._retired and (self._thread is None or not self._thread.is_alive())

    @property
    def looks_on(self) -> bool:
        """It was started since it was last given what to listen to."""
        return not self._retired and self._thread is not None

    def take(self, configuration: EdgeConfiguration) -> None:
        self.configuration, self.refused = configuration, None
        self._broker = configuration.brokers[0]
        self.desks = self._idle_desks("its broker's connection starts anew")
        self._thread, self._retired = None, False
        self._start_at_s, self._waits = 0.0, waits_s()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout=timeout_s)

    def _idle_desks(self, why: str) -> list[SensorDesk]:
        """Returns desks at which nobody judges, so that the status tells of each sensor why."""
        desks = [SensorDesk(sensor, [], self._keeper) for sensor in self.configuration.sensors]
        for desk in desks:
            desk.broker_fault = in_bounds(why)
        return desks

    def _make_desks(self) -> list[SensorDesk]:
        kept = self._outbox.stays()
        desks = []
        for sensor in self.configuration.sensors:
            watches = []
            for watch in self.configuration.watches:
                if watch.sensor == sensor.id:
                    try:
                        rule = cast(ReadingRule, build(watch.detector.model_dump()))
                    except DetectorError as error:
                        raise WatchCannotStart(watch.id, str(error)) from error
                    stays = WatchStays(
                        watch,
                        [stay for stay in kept if stay.watch_id == watch.id],
                        time_zone=self.configuration.zone_info,
                    )
                    watches.append(SensorWatch(stays, rule))
            desks.append(SensorDesk(sensor, watches, self._keeper))
        return desks


class SensorSide:
    """All brokers. Changed as the cameras' side is: retire, wait until ready, take."""

    def __init__(self, *, outbox: Outbox, keeper: Keeper, environment: Mapping[str, str]) -> None:
        self._outbox = outbox
        self._keeper = keeper
        self._environment = environment
        self._brokers: dict[str, BrokerSide] = {}
        self._retired: dict[str, BrokerSide] = {}

    def retire(self, configuration: EdgeConfiguration) -> None:
        """Stops the brokers' sides for which ``configuration`` has other watches or sensors, or nothing any more."""
        for name, side in self._brokers.items():
            if _part_of(configuration, name) != side.configuration:
                self._retired[name] = side
                side.retire()

    @property
    def is_ready(self) -> bool:
        return all(side.is_retired for side in self._retired.values())

    def take(self, configuration: EdgeConfiguration) -> None:
        """Lets the retired go on, or learns for the first time what there is."""
        for name in set(self._brokers) - {broker.id for broker in configuration.brokers}:
            del self._brokers[name]
            self._retired.pop(name, None)
        for broker in configuration.brokers:
            if broker.id not in self._brokers:
                part = _part_of(configuration, broker.id)
                side = BrokerSide(broker, part, outbox=self._outbox, keeper=self._keeper, environment=self._environment)
                self._brokers[broker.id] = side
        for name, side in self._retired.items():
            side.take(_part_of(configuration, name))
        self._retired = {}

    def start(self) -> None:
        """Starts all for the first time. Raises: EdgeCannotStart, OutboxError."""
        for side in self._brokers.values():
            side.start()

    def tend(self) -> None:
        for side in self._brokers.values():
            side.tend()

    def stop(self, *, within_s: float) -> None:
        """Stops all brokers' sides, which have so long all together."""
        deadline_s = time.monotonic() + within_s
        for side in self._brokers.values():
            side.retire()
        for side in self._brokers.values():
            side.join(max(0.0, deadline_s - time.monotonic()))

    @property
    def desks(self) -> list[SensorDesk]:
        return [desk for side in self._brokers.values() for desk in side.desks]

    @property
    def looks_on(self) -> bool:
        return all(side.looks_on for side in self._brokers.values())

    @property
    def refused(self) -> list[WatchCannotStart]:
        return [side.refused for side in self._brokers.values() if side.refused is not None]

    @property
    def cannot_start(self) -> list[tuple[str | None, str]]:
        """The watch and the reason, where a rule cannot be built."""
        return [(refusal.watch_id, str(refusal)) for refusal in self.refused]


def _part_of(configuration: EdgeConfiguration, broker_id: str) -> EdgeConfiguration:
    sensors = [sensor for sensor in configuration.sensors if sensor.broker == broker_id]
    ids = {sensor.id for sensor in sensors}
    return part_of(configuration, []).model_copy(
        update={
            "brokers": [broker for broker in configuration.brokers if broker.id == broker_id],
            "sensors": sensors,
            "watches": [watch for watch in configuration.watches if watch.sensor in ids],
        }
    )
