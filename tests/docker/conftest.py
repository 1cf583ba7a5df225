"""The images as virtual environments: the same files, installed by the same line."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

import pytest

from tests.docker.dockerfile import Dockerfile, build_context

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"


class Image:
    """What one Dockerfile builds, in ``folder``; commands run there see nothing of this checkout."""

    def __init__(self, dockerfile: Path, folder: Path) -> None:
        self.dockerfile = Dockerfile(dockerfile)
        self.folder = folder
        self._build()

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """Returns the environment of a container: the PATH, what the service sets, and nothing of ours."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        return {**kept, "PATH": f"{self.folder / 'venv/bin'}:{os.environ['PATH']}", **more}

    def command(self, arguments: list[str]) -> list[str]:
        """Returns the command of a container that is started with these arguments."""
        program, *fixed = self.dockerfile.last("ENTRYPOINT").words()
        return [str(self.folder / "venv/bin" / program), *fixed, *arguments]

    def run(self, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Runs a container to its end."""
        return subprocess.run(
            self.command(arguments),
            cwd=self.folder,
            env=self.environment(environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def python(self, program: str) -> subprocess.CompletedProcess[str]:
        """Runs a line of Python in the image."""
        python = self.folder / "venv/bin/python"
        environment = self.environment({})
        return subprocess.run(
            [python, "-c", program], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def _build(self) -> None:
        build = self.folder / "build"
        build.mkdir(parents=True)
        self.dockerfile.copy_into(build, context=build_context(ROOT), root=ROOT)
        venv.create(self.folder / "venv", with_pip=True)
        # pip's own settings are the machine's: the index that it uses, and its cache.
        environment = {**os.environ, "PATH": f"{self.folder / 'venv/bin'}:{os.environ['PATH']}"}
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_USER"):
            environment.pop(name, None)
        for line in self.dockerfile.pip_lines():
            done = subprocess.run(
                ["sh", "-c", f"{line} --quiet --disable-pip-version-check"],
                cwd=build,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"{line}: ended with {done.returncode}: {done.stderr}")


@pytest.fixture(scope="session")
def server_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(DOCKER / "server.Dockerfile", tmp_path_factory.mktemp("server-image"))


@pytest.fixture(scope="session")
def edge_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(DOCKER / "edge.Dockerfile", tmp_path_factory.mktemp("edge-image"))
