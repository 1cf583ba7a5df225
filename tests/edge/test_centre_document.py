"""What the centre offers is checked against what this edge has, and against the watches of its own file."""

from __future__ import annotations

import json

import pytest

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
