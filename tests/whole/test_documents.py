"""What the documents say is there is there: files, commands, settings, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from detectors.registry import known_keys
from ingest.configuration import Broker, Camera, Centre, EdgeConfiguration, Sensor, Watch
from streetcase.cli import app

ROOT = Path(__file__).parents[2]
PATH = re.compile(r"(?<![\w/.])((?:streetcase|edge|ingest|api|detectors|models|docker|tests|docs|bench)/[\w./-]*[\w/])")


def _documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", _documents(), ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text(encoding="utf-8")))

    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", _documents(), ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


def _commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[str]:
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from _commands(inner.typer_instance, (*path, str(inner.name)))
    for command in group.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        assert command.callback.__doc__, f"streetcase {' '.join((*path, name))} has no help"
        yield " ".join((*path, name))


def test_every_command_is_documented() -> None:
    documents = sorted((ROOT / "docs").glob("*.md"))
    words = set(re.findall(r"[\w-]+", "".join(path.read_text(encoding="utf-8") for path in documents)))

    commands = list(_commands(app))

    assert len(commands) > 10
    assert [command for command in commands if not set(command.split()) <= words] == []


@pytest.mark.parametrize("section", [EdgeConfiguration, Centre, Camera, Broker, Sensor, Watch])
def test_every_key_of_the_configuration_is_documented(section: type[EdgeConfiguration]) -> None:
    text = (ROOT / "docs" / "edge.md").read_text(encoding="utf-8")

    undocumented = {key for key in section.model_fields if not re.search(rf"\b{key}:", text)}

    assert undocumented == set()


def test_every_detector_is_documented() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")

    assert [key for key in known_keys() if f"`{key}`" not in text] == []


def test_every_setting_is_documented() -> None:
    code = "".join(
        path.read_text(encoding="utf-8") for room in ("api", "ingest") for path in (ROOT / room).rglob("*.py")
    )
    documented = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))

    assert {name for name in re.findall(r"STREETCASE_[A-Z_]+", code) if name not in documented} == set()
