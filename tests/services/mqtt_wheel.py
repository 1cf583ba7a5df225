"""The MQTT broker of the amqtt wheel, for machines without Mosquitto."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from tests.services.ports import HOST

_RUN = "from amqtt.scripts.broker_script import main; main()"


def command(folder: Path, port: int) -> list[str] | None:
    """Returns the command that runs the broker on ``port``, or None where the wheel is not installed."""
    if importlib.util.find_spec("amqtt") is None:
        return None
    settings = folder / "amqtt.yaml"
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listeners = {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}}
    # JSON is YAML, so no writer is needed.
    settings.write_text(json.dumps({"listeners": listeners, "plugins": anonymous}))
    return [sys.executable, "-c", _RUN, "-c", str(settings)]
