"""Reads Dockerfiles and .dockerignore, as far as this project uses them, and does what COPY would do."""

from __future__ import annotations

import fnmatch
import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, such as ``RUN``, and all that follows it, with continued lines joined."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Returns the arguments, of the JSON form or of the shell form."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return shlex.split(self.text)


class Dockerfile:
    """The instructions of one file."""

    def __init__(self, path: Path) -> None:
        lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
        joined = "\n".join(lines).replace("\\\n", " ")
        parts = [line.strip().split(maxsplit=1) for line in joined.splitlines()]
        self.instructions = [Instruction(name.upper(), text) for name, text in parts]

    def all(self, name: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.name == name]

    def last(self, name: str) -> Instruction:
        """Returns the instruction that counts where there are several. Raises: LookupError: If there is none."""
        found = self.all(name)
        if not found:
            raise LookupError(f"no {name}")
        return found[-1]

    def pip_lines(self) -> list[str]:
        """Returns the commands that install Python packages."""
        return [run.text for run in self.all("RUN") if run.text.startswith("pip ")]

    def copy_into(self, folder: Path, *, context: list[PurePosixPath], root: Path) -> None:
        """Copies into ``folder`` what the COPY lines take of the context.

        Raises: LookupError: If a COPY line names something that is not in the context.
        """
        for copy in self.all("COPY"):
            *sources, target = copy.words()
            for source in sources:
                taken = _below(source, context)
                if not taken:
                    raise LookupError(f"COPY {source}: not in the build's context")
                for path in taken:
                    into = _target(path, source=source, target=target)
                    (folder / into).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(root / path, folder / into)


def _below(source: str, context: list[PurePosixPath]) -> list[PurePosixPath]:
    start = PurePosixPath(source)
    return [path for path in context if path == start or start in path.parents]


def _target(path: PurePosixPath, *, source: str, target: str) -> PurePosixPath:
    """A file goes into the target folder; of a folder its content does, as Docker has it."""
    start = PurePosixPath(source)
    return PurePosixPath(target) / (path.name if path == start else path.relative_to(start))


def build_context(root: Path) -> list[PurePosixPath]:
    """Returns all files below ``root`` that .dockerignore leaves in."""
    rules = [line.strip() for line in (root / ".dockerignore").read_text().splitlines()]
    rules = [line for line in rules if line and not line.startswith("#")]
    top = [entry for entry in root.iterdir() if not _ignored(PurePosixPath(entry.name), rules)]
    # What is left out at the top is not even walked through: it may be large.
    files = [file for entry in top for file in (entry.rglob("*") if entry.is_dir() else [entry]) if file.is_file()]
    context = [PurePosixPath(file.relative_to(root).as_posix()) for file in files]
    return [path for path in context if not _ignored(path, rules)]


def _ignored(path: PurePosixPath, rules: list[str]) -> bool:
    """The last rule that fits the path, or a folder above it, decides."""
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        if any(_fits(part, pattern) for part in (path, *path.parents) if part.name):
            ignored = not rule.startswith("!")
    return ignored


def _fits(path: PurePosixPath, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.name, pattern.removeprefix("**/"))
    parts, wanted = path.parts, PurePosixPath(pattern).parts
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
