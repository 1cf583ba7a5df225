"""Makes the files of the typed client from the application as it is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.app import create_app
from api.openapi import describe
from api.rights import Rights
from api.settings import ApiSettings
from scripts.typed_client.annotations import python_name, references
from scripts.typed_client.models import models_source
from scripts.typed_client.operations import client_source, operations_of, operations_source

BY_HAND = frozenset({"__init__.py", "connection.py", "following.py"})


def described_by_the_app() -> dict[str, Any]:
    """Returns the OpenAPI of this release; nothing is started, and nothing is left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = ApiSettings(
            database_url=f"sqlite:///{folder / 'cases.db'}",
            evidence_dir=folder / "evidence",
            service_key_file=folder / "service.key",
        )
        app = create_app(settings)
        document = describe(app, Rights.load())
        app.state.services.database.close()
        return document


def sources(document: Mapping[str, Any]) -> dict[str, str]:
    """Returns each file of the client that is written, by its name."""
    operations = operations_of(document)
    tags = sorted({operation.tag for operation in operations})
    used = {name for operation in operations for name in references(operation.described)} - {"Problem"}
    made = {"models.py": models_source(document["components"]["schemas"], used), "client.py": client_source(tags)}
    for tag in tags:
        made[f"{python_name(tag)}.py"] = operations_source(tag, [one for one in operations if one.tag == tag])
    return {name: _formatted(source, name) for name, source in made.items()}


def write(folder: Path) -> list[str]:
    """Returns the names of the files, which replace those of before."""
    made = sources(described_by_the_app())
    for old in folder.glob("*.py"):
        if old.name not in BY_HAND:
            old.unlink()
    for name, source in made.items():
        (folder / name).write_text(source, encoding="utf-8")
    return sorted(made)


def _formatted(source: str, name: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    path = f"api/typed_client/{name}"
    for command in (
        ["check", "--fix", "--exit-zero", "--quiet", "--select", "F401,I,UP,RUF022", "--stdin-filename", path, "-"],
        ["format", "--quiet", "--stdin-filename", path, "-"],
    ):
        done = subprocess.run([*ruff, *command], input=source, capture_output=True, text=True, check=True)
        source = done.stdout
    return source
