"""What the Dockerfiles, .dockerignore and compose.yaml say."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tests.docker.composition import Service, VariableMissing, composition, variables
from tests.docker.conftest import DOCKER, ROOT
from tests.docker.dockerfile import Dockerfile, build_context

COMPOSE = DOCKER / "compose.yaml"
SECRETS = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "MQTT_PASSWORD"}
FILLED = {name: f"secret{number}" for number, name in enumerate(sorted(SECRETS))}
OURS = ["prepare", "api", "gateway", "worker", "edge"]
DOCKERFILES = ["server.Dockerfile", "edge.Dockerfile"]


@pytest.fixture(params=DOCKERFILES)
def dockerfile(request: pytest.FixtureRequest) -> Dockerfile:
    return Dockerfile(DOCKER / request.param)


def _services() -> dict[str, Service]:
    services: dict[str, Service] = composition(COMPOSE, FILLED)["services"]
    return services


def test_images_start_from_a_slim_python_and_run_as_nobody_special(dockerfile: Dockerfile) -> None:
    assert dockerfile.last("FROM").text == "python:3.11-slim-bookworm"
    assert dockerfile.last("USER").text == "streetcase"
    assert dockerfile.instructions.index(dockerfile.last("USER")) > dockerfile.instructions.index(
        dockerfile.last("RUN")
    )
    assert len(dockerfile.all("HEALTHCHECK")) == 1
    assert dockerfile.last("ENTRYPOINT").words() == ["streetcase"]


def test_images_hold_no_secret(dockerfile: Dockerfile) -> None:
    for instruction in [*dockerfile.all("ENV"), *dockerfile.all("ARG")]:
        assert not any(word in instruction.text.upper() for word in ("PASSWORD", "SECRET", "_KEY"))


def test_only_what_is_installed_goes_into_the_context() -> None:
    context = build_context(ROOT)
    tops = {path.parts[0] for path in context}
    rooms = {"streetcase", "edge", "ingest", "api", "detectors", "models"}
    assert tops == {"pyproject.toml", "README.md", "LICENSE", *rooms}
    assert not [path for path in context if path.suffix == ".pyc" or "__pycache__" in path.parts or path.name == ".env"]
    assert PurePosixPath("models/street/weights.onnx") in context


def test_dockerignore_reads_as_docker_reads_it(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("# all\n*\n!a\n!keep.txt\n**/cache\n")
    for name in ("a/x.py", "a/cache/y", "a/b/cache/z", "b/x.py", "keep.txt", "other.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert {str(path) for path in build_context(tmp_path)} == {"a/x.py", "keep.txt"}


@pytest.mark.parametrize("absent", sorted(SECRETS))
def test_nothing_starts_without_its_secrets(absent: str) -> None:
    given = {name: value for name, value in FILLED.items() if name != absent}
    with pytest.raises(VariableMissing, match=f"set {absent} in .env"):
        composition(COMPOSE, given)


def test_every_variable_is_explained_and_no_secret_has_a_default_that_works() -> None:
    used = variables(COMPOSE)
    explained = (DOCKER / "env.example").read_text()
    assert [name for name in used if f"{name}=" not in explained] == []
    assert {name for name, default in used.items() if default is None} == SECRETS
    assert used["STREETCASE_EDGE_KEY"] == ""


def test_the_env_file_with_the_secrets_is_ignored_by_git() -> None:
    assert ".env" in (DOCKER / ".gitignore").read_text().splitlines()


def test_all_services_are_there_and_come_back() -> None:
    services = _services()
    assert set(services) == {*OURS, "redis", "postgres", "mosquitto"}
    assert {name for name, service in services.items() if service["restart"] != "unless-stopped"} == {"prepare"}


def test_our_services_write_only_where_a_volume_is() -> None:
    for name in OURS:
        service = _services()[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["tmpfs"] == ["/tmp"], name  # noqa: S108 - inside the container


def test_every_service_tells_its_health_or_has_none_to_tell() -> None:
    silent = {name for name, service in _services().items() if service.get("healthcheck", {}).get("disable")}
    telling = {name for name, service in _services().items() if "test" in service.get("healthcheck", {})}
    from_image = {"api", "edge"}
    assert silent == {"prepare", "worker"}
    assert telling | silent | from_image == set(_services())


def test_named_volumes_networks_and_dependencies_exist() -> None:
    document = composition(COMPOSE, FILLED)
    for name, service in document["services"].items():
        named = [v["source"] if isinstance(v, dict) else v.split(":")[0] for v in service.get("volumes", [])]
        assert {v for v in named if not v.startswith(".")} <= set(document["volumes"]), name
        assert set(service["networks"]) <= set(document["networks"]), name
        assert set(service.get("depends_on", {})) <= set(document["services"]), name


def test_what_is_mounted_from_here_exists() -> None:
    mounted = [v["source"] for s in _services().values() for v in s.get("volumes", []) if isinstance(v, dict)]
    files = [source for source in mounted if source.startswith(".")]
    assert sorted(files) == ["./edge.yaml", "./mosquitto.conf"]
    assert all((DOCKER / source).is_file() for source in files)


def test_database_and_stream_are_reached_from_inside_alone() -> None:
    document = composition(COMPOSE, FILLED)
    assert document["networks"]["inside"] == {"internal": True}
    for name in ("redis", "postgres"):
        assert "ports" not in document["services"][name]
        assert document["services"][name]["networks"] == ["inside"]


def test_published_ports_listen_on_this_machine_alone_unless_told_otherwise() -> None:
    ports = [port for service in _services().values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
