"""The broker of compose.yaml, run with its own configuration."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.docker.composition import RUN_SECRETS, composition
from tests.docker.conftest import DOCKER
from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process, missing, wait_until


def _mosquitto_of_compose(folder: Path, port: int) -> list[str]:
    """Returns the broker's command of compose.yaml, with its folders turned into ``folder``."""
    lines = (DOCKER / "mosquitto.conf").read_text().replace("listener 1883", f"listener {port} {HOST}")
    if os.geteuid() == 0:
        lines += "\nuser root\n"  # compose runs it as the owner of its files; here that is root
    (folder / "mosquitto.conf").write_text(lines.replace("/mosquitto/data", str(folder)))
    command = composition(DOCKER / "compose.yaml", RUN_SECRETS)["services"]["mosquitto"]["command"]
    return [w.replace("/mosquitto/data", str(folder)).replace("/mosquitto/config", str(folder)) for w in command]


def _connects(port: int, password: str | None) -> bool:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    if password is not None:
        client.username_pw_set("streetcase", password)
    client.connect(HOST, port)
    wait_until(lambda: client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS or client.is_connected(), timeout_s=5, what="answer")
    connected = client.is_connected()
    client.disconnect()
    return connected


def test_the_broker_of_compose_lets_in_who_knows_the_password(tmp_path: Path) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin"
    if not (shutil.which("mosquitto", path=path) and shutil.which("mosquitto_passwd", path=path)):
        missing("no mosquitto")
    port = free_port()
    environment = {"PATH": path, "MQTT_PASSWORD": RUN_SECRETS["MQTT_PASSWORD"]}
    command = _mosquitto_of_compose(tmp_path, port)
    broker = Process(command, log=tmp_path / "broker.log", environment=environment)
    try:
        broker.wait_ready(lambda: answers(port))
        assert _connects(port, RUN_SECRETS["MQTT_PASSWORD"])
        assert not _connects(port, "guess")
        assert not _connects(port, None)
    finally:
        broker.stop()
