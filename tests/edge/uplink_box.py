"""An edge's outbox, evidence and uplink against a scripted gateway."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox
from edge.uplink.link import CentreLink
from edge.uplink.sending import Uplink
from ingest.configuration import Centre
from ingest.contract import Event, EvidenceItem, EvidenceRole, EvidenceState
from tests.edge.makers import a_picture, an_event, commit
from tests.edge.scripted_gateway import ScriptedGateway, serving
from tests.services.processes import wait_until

WITHIN_S = 15.0


@dataclass
class Box:
    gateway: ScriptedGateway
    outbox: Outbox
    evidence: EvidenceFolder
    uplink: Uplink
    stop: threading.Event

    def raise_event(self, *roles: EvidenceRole, source: str = "yard", size_bytes: int = 20_000) -> Event:
        event = an_event(
            source=source, evidence=[a_picture(self.evidence, role, size_bytes=size_bytes) for role in roles]
        )
        commit(self.outbox, event)
        return event

    def state_of(self, item: EvidenceItem) -> EvidenceState:
        return self.outbox.evidence_states([item.sha256])[item.sha256][0]

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.uplink.run)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join(WITHIN_S)
            assert not thread.is_alive()

    def wait_sent(self, *, within_s: float = WITHIN_S) -> None:
        """Returns once no event and no picture waits any more."""

        def sent() -> bool:
            counts = self.outbox.counts()
            return counts.events.get("waiting", 0) == counts.evidence_items == 0

        wait_until(sent, timeout_s=within_s, what="all is sent")


@contextmanager
def a_box(folder: Path, *, uploads_at_once: int = 3, upload_kbytes_per_s: float | None = None) -> Iterator[Box]:
    stop = threading.Event()
    outbox, evidence = Outbox(folder / "outbox.sqlite"), EvidenceFolder(folder / "evidence")
    with serving(ScriptedGateway()) as gateway:
        link = CentreLink(Centre(url=gateway.url, key_env="KEY"), "sc_edge_key")
        uplink = Uplink(
            link,
            outbox,
            evidence,
            stop=stop,
            uploads_at_once=uploads_at_once,
            upload_kbytes_per_s=upload_kbytes_per_s,
        )
        try:
            yield Box(gateway, outbox, evidence, uplink, stop)
        finally:
            stop.set()
            link.close()
            outbox.close()


def seconds_of(work: Callable[[], object]) -> float:
    begun_s = time.monotonic()
    work()
    return time.monotonic() - begun_s
