"""A real MQTT broker: Mosquitto where it is installed, else the broker of the amqtt wheel."""

from __future__ import annotations

import getpass
import os
import shutil
from pathlib import Path

from tests.services import mqtt_wheel
from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process


class Broker:
    """A broker in ``folder`` that keeps its port, and its persistent sessions, over ``stop`` and ``start``."""

    def __init__(self, command: list[str], *, folder: Path, port: int) -> None:
        self._command = command
        # The wheel's broker forgets what comes for a session whose client is away; Mosquitto keeps it.
        self.keeps_messages = Path(command[0]).name == "mosquitto"
        self._folder = folder
        self.host = HOST
        self.port = port
        self._process: Process | None = None

    def start(self) -> None:
        """Starts the broker and waits until it accepts connections; a running one is left alone."""
        if self._process and self._process.running:
            return
        self._process = Process(self._command, log=self._folder / "broker.log", folder=self._folder)
        self._process.wait_ready(lambda: answers(self.port))

    def stop(self) -> None:
        """Ends the broker in order; Mosquitto writes its sessions to disk now."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Ends the broker as a power cut would; Mosquitto loses what it had not saved."""
        if self._process:
            self._process.kill()


def new_broker(folder: Path) -> Broker | None:
    """Returns a broker that is not yet started, or None where none is installed."""
    port = free_port()
    command = _mosquitto_command(folder, port) or mqtt_wheel.command(folder, port)
    return Broker(command, folder=folder, port=port) if command else None


def _mosquitto_command(folder: Path, port: int) -> list[str] | None:
    # Debian keeps it where only root's PATH looks.
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not binary:
        return None
    lines = [
        f"listener {port} {HOST}",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {folder}/",
        "max_queued_messages 0",
        "log_dest stderr",
    ]
    if os.geteuid() == 0:
        lines.append(f"user {getpass.getuser()}")  # It would change to an account that cannot write here.
    settings = folder / "mosquitto.conf"
    settings.write_text("\n".join(lines) + "\n")
    return [binary, "-c", str(settings)]
