"""What several tests of the edge look at: a drawn street in which a truck and a car stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from detectors.base import Image
from tests.edge.running import standing_clip
from tests.edge.running import street_picture as drawn_picture


@pytest.fixture(scope="session")
def street_picture(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Shape ``(576, 768, 3)``, ``uint8``, BGR."""
    return drawn_picture(tmp_path_factory.mktemp("picture"))


@pytest.fixture(scope="session")
def street_clip(tmp_path_factory: pytest.TempPathFactory, street_picture: Image) -> Path:
    """Five minutes in which nothing moves."""
    return standing_clip(tmp_path_factory.mktemp("clip") / "street.mp4", street_picture)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that a test runs sets up logging for its whole process, and the next test reads logs, too."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
