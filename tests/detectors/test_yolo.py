"""The detector answers for every frame, of any size and from any thread, and refuses a model that does not fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml

from detectors.base import DetectorConfigurationError, Finding, Frame, FrameDetector, FrameError, ModelError
from detectors.yolo import YoloConfiguration, YoloDetector, build
from models.zoo import find_models
from tests.detectors.conftest import NOON, MakeFrame

ChangeCard = Callable[..., Path]


def _config(model: str | Path, **changes: object) -> YoloConfiguration:
    return YoloConfiguration.model_validate({"model": str(model), "input_size": 320, "threads": 1, **changes})


@pytest.fixture
def changed_street(tmp_path: Path) -> ChangeCard:
    """Makes a copy of the installed model with some keys of its card replaced."""

    def make(**changes: object) -> Path:
        folder = Path(shutil.copytree(find_models()["street"], tmp_path / "changed"))
        card = yaml.safe_load((folder / "model.yaml").read_text())
        (folder / "model.yaml").write_text(yaml.safe_dump(card | changes))
        return folder

    return make


def test_the_detector_fits_the_seam(street: YoloDetector) -> None:
    assert isinstance(street, FrameDetector)
    assert {"person", "car", "umbrella"} <= street.labels
    assert street.labels_of_kind("illegal-parking") == {"car", "bus", "truck"}
    assert street.labels_of_kind("grain-drying") == frozenset()


def test_the_identity_names_model_version_and_weights(street: YoloDetector) -> None:
    assert street.identity.name == "yolo:street"
    assert street.identity.version == street.card.version
    assert street.identity.weights_sha256 == street.card.weights.sha256


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 400), (2000, 3), (31, 17), (320, 320), (768, 576), (1920, 1080), (3840, 2160)]
)
def test_frames_of_any_size_are_answered_with_ordered_boxes(
    street: YoloDetector, noise_frame: MakeFrame, width: int, height: int
) -> None:
    [findings] = street.detect([noise_frame(width, height)])
    for finding in findings:
        assert finding.box_xyxy is not None
        x1, y1, x2, y2 = finding.box_xyxy
        assert 0 <= x1 < x2 <= 1
        assert 0 <= y1 < y2 <= 1
        assert finding.label in street.labels
        assert finding.score is not None
        assert 0.001 < finding.score <= 1


@pytest.mark.parametrize("shape", [(100, 100), (100, 100, 1), (100, 100, 4), (0, 100, 3)])
def test_a_picture_that_is_not_bgr_never_becomes_a_frame(shape: tuple[int, ...]) -> None:
    with pytest.raises(FrameError):
        Frame(image=np.zeros(shape, dtype=np.uint8), captured_at=NOON)


def test_no_frames_are_answered_with_no_answers(street: YoloDetector) -> None:
    assert street.detect([]) == []


def test_each_frame_of_a_batch_gets_its_own_answer_in_order(street: YoloDetector, noise_frame: MakeFrame) -> None:
    frames = [noise_frame(300, 200, seed=seed) for seed in range(4)]
    assert street.detect(frames) == [street.detect([frame])[0] for frame in frames]


def test_findings_come_best_first_and_a_higher_score_only_leaves_out(
    street: YoloDetector, noise_frame: MakeFrame
) -> None:
    frame = noise_frame(300, 200)
    [low] = street.detect([frame])
    scores = [finding.score or 0.0 for finding in low]
    assert scores == sorted(scores, reverse=True)
    limit = scores[len(scores) // 2]
    [high] = build(_config("street", min_score=limit)).detect([frame])
    assert high == [finding for finding in low if (finding.score or 0.0) > limit]


def test_many_threads_get_the_answers_that_one_gets(street: YoloDetector, noise_frame: MakeFrame) -> None:
    frames = [noise_frame(300, 200, seed=seed) for seed in range(6)]
    expected = street.detect(frames)

    def ask(place: int) -> list[Finding]:
        return street.detect([frames[place % 6]])[0]

    with ThreadPoolExecutor(max_workers=6) as pool:
        answers = list(pool.map(ask, range(36)))
    assert answers == [expected[place % 6] for place in range(36)]


def test_an_oblong_input_is_taken(noise_frame: MakeFrame) -> None:
    detector = build(_config("street", input_size=[320, 192], min_score=0.001))
    assert detector.input_wh == (320, 192)
    assert len(detector.detect([noise_frame(1920, 1080)])) == 1


def test_without_an_input_size_the_cards_is_taken() -> None:
    assert build(_config("street", input_size=None)).input_wh == (640, 640)


def test_altered_weights_are_refused(changed_street: ChangeCard) -> None:
    folder = changed_street()
    weights = bytearray((folder / "weights.onnx").read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / "weights.onnx").write_bytes(weights)
    with pytest.raises(ModelError, match="expected sha256"):
        build(_config(folder))


def test_missing_weights_are_refused(changed_street: ChangeCard) -> None:
    folder = changed_street()
    (folder / "weights.onnx").unlink()
    with pytest.raises(ModelError, match="can't be read"):
        build(_config(folder))


def test_a_card_with_another_number_of_labels_is_refused(changed_street: ChangeCard) -> None:
    folder = changed_street(labels=["person", "car"], kinds={})
    with pytest.raises(ModelError, match=r"expected an output of \[1, 6, 2100\] .*, got \[1,18,2100\]"):
        build(_config(folder))


def test_a_model_of_one_size_takes_no_other(changed_street: ChangeCard) -> None:
    card = yaml.safe_load((find_models()["street"] / "model.yaml").read_text())
    folder = changed_street(input=card["input"] | {"resizable": False})
    with pytest.raises(DetectorConfigurationError, match="takes 640x640 alone, got input_size 320x320"):
        build(_config(folder))


def test_a_folder_without_a_card_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(DetectorConfigurationError, match=r"model\.yaml"):
        build(_config(tmp_path))


def test_a_broken_card_is_an_error_of_the_model(changed_street: ChangeCard) -> None:
    with pytest.raises(ModelError, match="labels"):
        build(_config(changed_street(labels=[])))
