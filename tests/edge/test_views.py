"""Which pictures of a camera can be judged, against what it usually shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from detectors.base import Frame, Grey, Image
from edge.looking.views import SmallView, is_blurred, is_covered, is_still, small_view, unlit
from edge.looking.views_judge import ViewJudge
from edge.looking.views_moved import Fit, fit
from edge.looking.views_references import LEARNT_FROM, References
from ingest.configuration import ViewFault
from tests.edge.fakes import START, FakeClock
from tests.edge.scenes import covered, dimmed, foggy, moved, noisy, scene, smeared

SCENE = scene()
ALL = list(ViewFault)


def luma(image: Image) -> Grey:
    return Frame(image, START).luma


def view(image: Image) -> SmallView:
    return small_view(luma(image))


class Camera:
    """A camera that looks every four seconds and whose view is followed."""

    def __init__(self, folder: Path, faults: list[ViewFault] = ALL, *, frozen: bool = False) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.references = References(folder, "yard")
        self.judge = ViewJudge(faults, self.references, frozen=frozen)
        self._looks = 0

    def look(self, image: Image, *, times: int = 1, noise: bool = True, in_force: bool = False) -> ViewFault | None:
        """Returns what was suspected of the last of these looks."""
        fault = None
        for _ in range(times):
            self._looks += 1
            seen = noisy(image, self._looks) if noise else image
            fault = self.judge.judge(luma(seen), self.clock.pass_s(4), in_force=in_force)
        return fault

    def learn(self) -> Camera:
        """Looks for as long as a reference takes."""
        assert self.look(SCENE, times=3 * LEARNT_FROM + 2) is None
        assert self.references.of(self.clock.utc)
        return self


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a camera that has learnt its view."""
    return Camera(tmp_path_factory.mktemp("learnt")).learn().folder


@pytest.fixture
def camera(learnt: Path, tmp_path: Path) -> Camera:
    """A camera that starts again with what it has learnt."""
    shutil.copy(learnt / "yard.npz", tmp_path)
    camera = Camera(tmp_path)
    assert camera.look(SCENE) is None
    return camera


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        pytest.param(SCENE, None, id="as always"),
        pytest.param(dimmed(SCENE, 0.25), None, id="dusk"),
        pytest.param(foggy(SCENE, 0.4), None, id="a foggy morning"),
        pytest.param(foggy(SCENE, 0.15), None, id="thick fog"),
        pytest.param(np.roll(SCENE, 6, axis=1), None, id="a mast that sways"),
        pytest.param(covered(SCENE, 0.4), None, id="a lorry in front"),
        pytest.param(smeared(SCENE, 6), ViewFault.BLURRED, id="a smeared lens"),
        pytest.param(foggy(smeared(SCENE, 6), 0.6), ViewFault.BLURRED, id="a lens with dew"),
        pytest.param(covered(SCENE, 0.9), ViewFault.COVERED, id="a bag over most of it"),
        pytest.param(covered(SCENE, 1.0), ViewFault.COVERED, id="paint"),
        pytest.param(np.full_like(SCENE, 2), ViewFault.BLACK, id="no light"),
        pytest.param(np.full_like(SCENE, 254), ViewFault.WHITE, id="blinded"),
        pytest.param(moved(SCENE, by=0.1), ViewFault.MOVED, id="pushed aside"),
        pytest.param(moved(SCENE, by=0.5), ViewFault.MOVED, id="turned away"),
        pytest.param(moved(SCENE, turned_deg=10), ViewFault.MOVED, id="tilted"),
        pytest.param(moved(SCENE, zoom=1.5), ViewFault.MOVED, id="zoomed"),
        pytest.param(scene(seed=9), ViewFault.MOVED, id="another view altogether"),
    ],
)
def test_a_view_is_held_against_what_the_camera_usually_shows(
    camera: Camera, image: Image, fault: ViewFault | None
) -> None:
    assert camera.look(image, times=3) is fault


def test_dusk_that_comes_slowly_is_no_cover(camera: Camera) -> None:
    suspected = [camera.look(dimmed(SCENE, 1 - 0.8 * step / 80)) for step in range(80)]

    assert set(suspected) == {None}


def test_without_a_reference_only_what_needs_none_is_suspected(tmp_path: Path) -> None:
    camera = Camera(tmp_path)

    assert camera.look(smeared(SCENE, 6)) is None
    assert camera.look(scene(seed=9)) is None
    assert camera.look(np.zeros_like(SCENE)) is ViewFault.BLACK


def test_the_nights_are_not_held_against_the_days(camera: Camera) -> None:
    camera.clock.pass_s(12 * 3600)

    assert camera.look(scene(seed=9), times=3) is None


def test_night_falls_on_a_camera_that_is_blind_already(camera: Camera) -> None:
    camera.clock.pass_s(12 * 3600)

    assert camera.look(scene(seed=9), times=3, in_force=True) is ViewFault.MOVED


def test_the_same_picture_again_and_again_is_frozen_until_it_changes(camera: Camera) -> None:
    still = noisy(SCENE)
    camera.look(SCENE, times=20)
    assert camera.look(still, times=10, noise=False) is None
    assert camera.look(still, times=10, noise=False) is ViewFault.FROZEN

    assert camera.look(SCENE) is None


def test_a_frozen_picture_may_go_on_drawing_its_clock(camera: Camera) -> None:
    still = noisy(SCENE)
    camera.look(SCENE, times=20)
    for second in range(30):
        still[10:20, 10:30] = second * 8
        fault = camera.look(still, noise=False)

    assert fault is ViewFault.FROZEN


def test_a_picture_that_never_had_noise_is_not_frozen(tmp_path: Path) -> None:
    camera = Camera(tmp_path)

    assert camera.look(SCENE, times=60, noise=False) is None


def test_what_was_frozen_before_a_restart_is_so_until_a_look_differs(tmp_path: Path) -> None:
    camera = Camera(tmp_path, frozen=True)

    assert camera.look(SCENE, times=2, noise=False) is ViewFault.FROZEN
    assert camera.look(SCENE) is None


def test_a_fault_that_is_not_wanted_is_not_suspected(tmp_path: Path) -> None:
    camera = Camera(tmp_path, [ViewFault.MOVED]).learn()

    assert camera.look(np.zeros_like(SCENE), times=3) is None
    assert camera.look(smeared(SCENE, 6), times=3) is None
    assert camera.look(moved(SCENE, by=0.2), times=3) is ViewFault.MOVED


def test_references_survive_a_restart(camera: Camera) -> None:
    assert camera.look(moved(SCENE, by=0.2), times=3) is ViewFault.MOVED
    assert camera.look(SCENE) is None


def test_references_follow_what_changes_slowly(camera: Camera) -> None:
    greener = np.clip(SCENE.astype(np.int16) + 30, 0, 255).astype(np.uint8)
    before = camera.references.all[0].grey.mean()

    camera.look(greener, times=60)

    assert camera.references.all[0].grey.mean() > before + 10


def test_what_passes_while_it_learns_is_not_in_the_reference(tmp_path: Path) -> None:
    camera = Camera(tmp_path)
    for index in range(40):
        image = SCENE.copy()
        image[150:250, 15 * index : 15 * index + 100] = 250
        camera.look(image)

    assert fit(view(SCENE).grey, camera.references.all[0].grey) is Fit.SAME
    assert np.abs(camera.references.all[0].grey.astype(int) - view(SCENE).grey).mean() < 4


def test_removing_the_file_makes_it_learn_the_new_view(camera: Camera) -> None:
    turned = moved(SCENE, by=0.3)
    assert camera.look(turned, times=3) is ViewFault.MOVED
    (camera.folder / "yard.npz").unlink()  # what was read at the start counts as written

    assert camera.look(turned, times=60) is None
    assert camera.look(SCENE, times=3) is ViewFault.MOVED


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_learnt_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "yard.npz").write_bytes(content)

    Camera(tmp_path).learn()


def test_a_disk_that_takes_nothing_stops_no_look(tmp_path: Path) -> None:
    (tmp_path / "views").write_text("a file where a folder must be")

    camera = Camera(tmp_path / "views").learn()

    assert camera.look(moved(SCENE, by=0.2), times=3) is ViewFault.MOVED


def test_a_masked_camera_is_judged_by_what_it_shows() -> None:
    masked = noisy(SCENE)
    masked[:, :300] = 0

    assert unlit(view(masked)) is None
    assert unlit(view(np.zeros_like(SCENE))) is ViewFault.BLACK


def test_a_bright_window_in_a_black_night_is_neither_black_nor_white() -> None:
    night = np.zeros_like(SCENE)
    night[100:160, 200:300] = 255

    assert unlit(view(night)) is None


def test_two_looks_of_a_real_sensor_are_never_the_same() -> None:
    views = [view(noisy(SCENE, seed, sigma=1.5)) for seed in (1, 2)]

    assert not is_still(*views)
    assert is_still(views[0], views[0])


def test_a_reference_that_shows_nothing_judges_nothing() -> None:
    wall = view(noisy(np.full_like(SCENE, 128)))

    assert not is_covered(view(noisy(covered(SCENE, 1.0))), [wall])
    assert not is_blurred(view(smeared(SCENE, 6)), [wall])


def test_other_sizes_of_picture_are_the_same_view(camera: Camera) -> None:
    larger = np.repeat(np.repeat(SCENE, 3, axis=0), 3, axis=1)

    assert camera.look(larger, times=3) is None
