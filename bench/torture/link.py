"""Stands between the edges and the gateway, and can be cut like a wire: SIGUSR1 cuts it, SIGUSR2 mends it.

Usage: python -m bench.torture.link PORT GATEWAY_PORT
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from bench.services import HOST

CUT, MEND = signal.SIGUSR1, signal.SIGUSR2
_CHUNK_BYTES = 65_536


class Link:
    """Carries TCP connections to ``gateway_port``.

    While it is cut nothing passes and nothing is answered, as on a dead line: whoever waits must give up by itself.
    When it is mended, the connections that were caught in it are reset.
    """

    def __init__(self, gateway_port: int) -> None:
        self._gateway_port = gateway_port
        self._whole = asyncio.Event()
        self._whole.set()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection of an edge until one of its ends closes it."""
        try:
            if not self._whole.is_set():
                await self._whole.wait()
                return
            with suppress(OSError):
                gateway_reader, gateway_writer = await asyncio.open_connection(HOST, self._gateway_port)
                try:
                    await _until_one_ends(self._pass_on(reader, gateway_writer), self._pass_on(gateway_reader, writer))
                finally:
                    gateway_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if not self._whole.is_set():
                    await self._whole.wait()
                    return
                writer.write(chunk)
                await writer.drain()


async def _until_one_ends(*ways: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(port: int, gateway_port: int) -> None:
    link, over = Link(gateway_port), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(CUT, link.cut)
    loop.add_signal_handler(MEND, link.mend)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await asyncio.start_server(link.carry, HOST, port)
    await over.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2])))
