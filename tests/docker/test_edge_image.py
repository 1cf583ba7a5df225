"""The edge image's own commands run with compose's own environment."""

from __future__ import annotations

from pathlib import Path

from tests.docker.composition import RUN_SECRETS, composition
from tests.docker.conftest import DOCKER, Image


def test_the_edge_image_holds_no_part_of_the_centre_that_serves(edge_image: Image) -> None:
    found = edge_image.python(
        "import importlib.util as u; print([n for n in ('fastapi', 'sqlalchemy', 'redis', 'torch') if u.find_spec(n)])"
    )
    assert found.stdout.strip() == "[]", found.stderr


def test_the_edge_image_checks_the_configuration_that_compose_mounts(edge_image: Image) -> None:
    given = {**RUN_SECRETS, "CAMERA_URL": "rtsp://camera.invalid/street", "STREETCASE_EDGE_KEY": "unused"}
    environment = composition(DOCKER / "compose.yaml", given)["services"]["edge"]["environment"]
    checked = edge_image.run(["edge", "check", str(DOCKER / "edge.yaml")], environment)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Cameras: 1, sensors: 1, watches: 2" in checked.stdout


def test_the_edge_image_holds_the_model_that_its_configuration_names(edge_image: Image) -> None:
    loaded = edge_image.python("from models.zoo import load_model, load_weights; load_weights(load_model('street'))")
    assert loaded.returncode == 0, loaded.stderr


def test_an_edge_without_its_key_does_not_start(edge_image: Image, tmp_path: Path) -> None:
    environment = composition(DOCKER / "compose.yaml", RUN_SECRETS)["services"]["edge"]["environment"]
    assert environment["STREETCASE_EDGE_KEY"] == ""
    configuration = tmp_path / "edge.yaml"
    text = (DOCKER / "edge.yaml").read_text().replace("/srv/streetcase/edge-data", str(tmp_path / "edge-data"))
    configuration.write_text(text)
    program, verb, _ = edge_image.dockerfile.last("CMD").words()
    environment["CAMERA_URL"] = "rtsp://camera.invalid/street"
    started = edge_image.run([program, verb, str(configuration)], environment)
    assert started.returncode != 0
    assert "STREETCASE_EDGE_KEY" in started.stdout + started.stderr
