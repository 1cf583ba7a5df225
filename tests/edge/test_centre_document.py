"""What the centre offers is checked against what this edge has, and against the watches of its own file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import models
from edge.centre.document import Offer, OfferRefused, draft_of, watches_of
from ingest.configuration import EdgeConfiguration
from tests.edge.test_centre_configuration import LOCAL, PARKING


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (Offer(f'"{"x" * 600}"', b'{"edge_id": "corner-7", "watches": []}'), "its ETag is not 200 printable"),
        (
            Offer('"1"', json.dumps({"edge_id": "corner-7", "watches": [{}] * 10_001}).encode()),
            "expected 10000 at most",
        ),
    ],
    ids=["a revision that no status takes", "more watches than any box looks at"],
)
def test_what_would_harm_the_edge_is_not_taken(offer: Offer, says: str) -> None:
    with pytest.raises(OfferRefused, match=says):
        watches_of(offer, EdgeConfiguration.model_validate(LOCAL))


def test_one_preset_in_the_file_asks_for_one_in_each_watch_of_the_centre_and_in_each_draft() -> None:
    local = EdgeConfiguration.model_validate({**LOCAL, "watches": [PARKING | {"id": "parking", "preset": "market"}]})
    without = {"edge_id": "corner-7", "watches": [PARKING]}

    says = "watch 'parking-south': names no preset, and another watch of camera 'yard' does"
    with pytest.raises(OfferRefused, match=says):
        watches_of(Offer('"1"', json.dumps(without).encode()), local)
    with pytest.raises(OfferRefused, match=says):
        draft_of(PARKING, local)
    assert draft_of(PARKING | {"id": "parking"}, local).preset is None, "it would stand in place of the file's own"


@pytest.mark.parametrize(
    "place", ["elsewhere/street", "edge/models/../../elsewhere/street", "edge/models/linked", "edge/models-too/street"]
)
def test_the_centre_names_no_folder_of_the_box_but_those_of_its_models(tmp_path: Path, place: str) -> None:
    for folder in ("elsewhere/street", "edge/models/street", "edge/models-too/street"):
        shutil.copytree(Path(models.__file__).parent / "street", tmp_path / folder)
    (tmp_path / "edge/models/linked").symlink_to(tmp_path / "elsewhere/street")
    local = EdgeConfiguration.model_validate({**LOCAL, "data_dir": str(tmp_path / "edge")})

    def from_centre(model: Path) -> Offer:
        watch = PARKING | {"detector": {"type": "yolo", "model": str(model)}}
        return Offer('"1"', json.dumps({"edge_id": "corner-7", "watches": [watch]}).encode())

    with pytest.raises(OfferRefused) as refused:
        watches_of(from_centre(tmp_path / place), local)

    assert str(refused.value) == (
        "watch 'parking-south': detector.model: from the centre expected the name of an installed model, "
        f"or the path of a folder below {tmp_path}/edge/models"
    )
    assert watches_of(from_centre(tmp_path / "edge/models/street"), local)
