"""The server image's own commands run with compose's own environment, on real services of this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.docker.composition import RUN_SECRETS, composition
from tests.docker.conftest import DOCKER, ROOT, Image
from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process, wait_until

EDGE_ID = "edge-1"


class Centre:
    """The centre's services, as compose.yaml starts them, with its names and paths turned into this machine's."""

    def __init__(self, image: Image, *, folder: Path, database_url: str, stack: ExitStack) -> None:
        self._image = image
        self._folder = folder
        self._database_url = database_url
        self._stack = stack
        self._services = composition(DOCKER / "compose.yaml", RUN_SECRETS)["services"]
        self._ports = {"redis:6379": free_port(), "api:8000": free_port(), "gateway:8001": free_port()}
        self.api_url = f"http://{HOST}:{self._ports['api:8000']}"
        self.gateway_url = f"http://{HOST}:{self._ports['gateway:8001']}"

    @property
    def redis_url(self) -> str:
        return self._environment("gateway")["STREETCASE_REDIS_URL"]

    def prepare(self) -> str:
        """Runs the service that ends, and returns what it printed."""
        return self._run(self._services["prepare"]["command"])

    def add_edge(self, edge_id: str) -> str:
        return self._run(["api", "add-edge", edge_id]).strip()

    def start_redis(self, binary: str) -> None:
        _, *arguments = self._services["redis"]["command"]
        place = ["--port", str(self._ports["redis:6379"]), "--bind", HOST, "--dir", str(self._folder)]
        self._start("redis", [binary, *arguments, *place], {}).wait_ready(lambda: answers(self._ports["redis:6379"]))

    def start(self, name: str) -> Process:
        """Starts one of our services."""
        command = [self._here(word) for word in self._services[name]["command"]]
        return self._start(name, self._image.command(command), self._environment(name))

    def is_healthy(self, name: str) -> bool:
        """Runs the health check of compose.yaml, or else the image's."""
        own = self._services[name].get("healthcheck", {}).get("test")
        check = own[1:] if own else json.loads(self._image.dockerfile.last("HEALTHCHECK").text.partition("CMD ")[2])
        port, real = {"api": ("8000", "api:8000"), "gateway": ("8001", "gateway:8001")}[name]
        words = [word.replace(f":{port}/", f":{self._ports[real]}/") for word in check]
        environment = self._image.environment({})
        return subprocess.run(words, env=environment, check=False, capture_output=True).returncode == 0

    def _run(self, command: list[str]) -> str:
        done = self._image.run(command, self._environment("api"))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        log = self._folder / f"{name}.log"
        process = Process(command, log=log, environment=self._image.environment(environment), folder=self._folder)
        self._stack.callback(process.stop)
        return process

    def _environment(self, name: str) -> dict[str, str]:
        return {key: self._here(value) for key, value in self._services[name]["environment"].items()}

    def _here(self, text: str) -> str:
        if text.startswith("postgresql"):
            return self._database_url
        for there, port in self._ports.items():
            text = text.replace(there, f"{HOST}:{port}")
            text = str(port) if text == there.partition(":")[2] else text
        return HOST if text == "0.0.0.0" else text.replace("/srv/streetcase", str(self._folder))  # noqa: S104


@pytest.fixture
def centre(server_image: Image, postgres_url: str, _redis_binary: str, tmp_path: Path) -> Iterator[Centre]:
    """A centre with its Redis, prepared and started, but for our own services."""
    with ExitStack() as stack:
        started = Centre(server_image, folder=tmp_path, database_url=postgres_url, stack=stack)
        started.start_redis(_redis_binary)
        yield started


def _event() -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "tests/golden/event-v1-sensor-raised.json").read_text())
    return {**event, "edge_id": EDGE_ID, "evidence": []}


def _cases(centre: Centre, password: str) -> list[dict[str, Any]]:
    with httpx.Client(base_url=centre.api_url, timeout=10) as person:
        opened = person.post("/api/v1/sessions", json={"name": "administrator", "password": password})
        token = opened.raise_for_status().json()["token"]
        listed = person.get("/api/v1/cases", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
    items: list[dict[str, Any]] = listed.json()["items"]
    return items


def test_the_centre_comes_up_as_composed_and_makes_a_case_of_an_event(centre: Centre) -> None:
    password = centre.prepare().strip().splitlines()[-1]
    assert password not in centre.prepare(), "the administrator's password is shown once"
    key = centre.add_edge(EDGE_ID)

    api = centre.start("api")
    api.wait_ready(lambda: centre.is_healthy("api"))
    gateway, worker = centre.start("gateway"), centre.start("worker")
    gateway.wait_ready(lambda: centre.is_healthy("gateway"))

    authorisation = {"Authorization": f"Bearer {key}"}
    sent = httpx.post(f"{centre.gateway_url}/ingest/v1/events", json=[_event()], headers=authorisation, timeout=10)
    assert sent.status_code == 202, sent.text
    assert [answer["answer"] for answer in sent.json()["answers"]] == ["accepted"]
    wait_until(lambda: len(_cases(centre, password)) == 1, timeout_s=15, what="one case")
    assert _cases(centre, password)[0]["kind"]["key"] == "manhole-open"
    assert worker.running


def test_the_redis_of_compose_lets_in_who_knows_the_password_and_keeps_what_it_confirmed(centre: Centre) -> None:
    with redis.Redis.from_url(centre.redis_url) as client:
        durability = client.config_get("append*")
    assert (durability["appendonly"], durability["appendfsync"]) == ("yes", "always")
    stranger = redis.Redis.from_url(centre.redis_url.replace(":r3dis@", ""))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_server_image_holds_no_video_and_no_model_runtime(server_image: Image) -> None:
    found = server_image.python(
        "import importlib.util as u; print([n for n in ('cv2', 'av', 'openvino', 'torch') if u.find_spec(n)])"
    )
    assert found.stdout.strip() == "[]", found.stderr
