"""Reads what is known of a clip: which things stood where, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from edge.configuration.load import ConfigurationError, read_yaml
from edge.configuration.problems import Problem, misfits
from ingest.configuration import Section, Watch
from ingest.contract import Name, Short, Unit01

ClipSeconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Truth(Section):
    """One thing that stood somewhere, from ``from_s`` to ``to_s`` seconds of the clip.

    watch or kind: Which watch should see it, or any watch of this kind. box: x1, y1, x2, y2 as shares of the picture;
    left out, it is found by its time alone.
    """

    thing: Short
    watch: Name | None = None
    kind: Name | None = None
    box: tuple[Unit01, Unit01, Unit01, Unit01] | None = None
    from_s: ClipSeconds
    to_s: ClipSeconds

    @model_validator(mode="after")
    def _is_of_one_question(self) -> Self:
        if (self.watch is None) == (self.kind is None):
            raise ValueError("a thing needs either watch or kind, and not both")
        if self.to_s <= self.from_s:
            raise ValueError(f"to_s must be after from_s, got {self.from_s:g} and {self.to_s:g}")
        if self.box and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError(f"box needs x1 < x2 and y1 < y2, got {list(self.box)}")
        return self

    def is_of(self, watch: Watch) -> bool:
        return watch.id == self.watch or watch.kind == self.kind


def load_truth(file: Path, watches: Sequence[Watch]) -> list[Truth]:
    """Returns the things, all of them of one of ``watches``.

    Raises: ConfigurationError: With all problems at once, each with its line.
    """
    document, lines = read_yaml(file)
    if not isinstance(document, list):
        raise ConfigurationError(
            file, [Problem(1, "", "expected a list of things: thing, watch or kind, box, from_s, to_s")]
        )
    truths: list[Truth] = []
    problems: list[Problem] = []
    for index, item in enumerate(document):
        try:
            truth = Truth.model_validate(item)
        except ValidationError as error:
            problems += misfits(error, Truth, (index,), lines)
            continue
        truths.append(truth)
        if not any(truth.is_of(watch) for watch in watches):
            key = "kind" if truth.watch is None else "watch"
            known = ", ".join(dict.fromkeys(watch.kind if truth.watch is None else watch.id for watch in watches))
            message = (
                f"no watch of this kind; there is: {known}" if key == "kind" else f"no such watch; there is: {known}"
            )
            problems.append(Problem(lines.line((index, key)), f"[{index}].{key}", message))
    if problems:
        raise ConfigurationError(file, sorted(problems, key=lambda problem: problem.line))
    return truths
