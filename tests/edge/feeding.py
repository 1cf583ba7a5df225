"""Reads a camera in a thread, as the edge does, for as long as a test looks on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edge.reading.asked_keyframes import AskerOf
from edge.reading.feeds import CameraFeed, Mailbox
from edge.staying.clock import SystemClock
from ingest.configuration import Camera


@contextmanager
def feeding(
    camera: Camera, *, rarest_s: float = 0.0, asker_of: AskerOf = lambda _: None
) -> Iterator[tuple[CameraFeed, Mailbox]]:
    """Gives the feed of a camera and what its looks come into; afterwards the feed has ended."""
    mailbox, stop = Mailbox(), threading.Event()
    feed = CameraFeed(camera, mailbox, clock=SystemClock(), stop=stop, rarest_s=rarest_s, asker_of=asker_of)
    feed.start()
    try:
        yield feed, mailbox
    finally:
        stop.set()
        feed.join(timeout=10)
        assert not feed.is_alive()
