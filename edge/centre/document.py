"""Checks what the centre offers as configuration: only watches, and only those that this edge can watch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.configuration.checks import watch_checks
from edge.configuration.problems import Problem, dotted, misfits
from edge.configuration.yaml_lines import Lines
from ingest.configuration import EdgeConfiguration, Section, Watch
from ingest.contract import Name

MAX_BYTES = 5_000_000
MAX_WATCHES = 10_000
MAX_REVISION_CHARS = 200
"""Each watch is told in each beat and status, and so is the revision: both are bounded, and so is what they cost."""

MODELS_FOLDER = "models"
"""In the data folder: whose it is decides which models the centre may name beside the installed ones."""

_NO_LINES = Lines({})
_OF_WATCH = re.compile(r"watches\[(\d+)\]\.?(.*)", re.DOTALL)


class OfferRefused(Exception):
    """The text says in one sentence which watch and which key is at fault, and what was expected."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A configuration as it came: the tag that names it, and its bytes."""

    etag: str
    content: bytes

    @property
    def revision(self) -> str:
        return self.etag.removeprefix("W/").strip('"')


class _Document(Section):
    """Cameras, brokers and secrets are the box's own: the centre says what to watch, and nothing else."""

    edge_id: Name
    watches: list[Watch]


def watches_of(offer: Offer, local: EdgeConfiguration) -> Sequence[Watch]:
    """Returns the offered watches, all of them good beside those of ``local``. Raises: OfferRefused."""
    if len(offer.revision) > MAX_REVISION_CHARS or not offer.revision.isprintable():
        raise OfferRefused(f"its ETag is not {MAX_REVISION_CHARS} printable characters at most")
    raw = _parsed(offer.content)
    if len(_ids(raw)) > MAX_WATCHES:
        raise OfferRefused(f"watches: expected {MAX_WATCHES} at most, got {len(_ids(raw))}")
    try:
        document = _Document.model_validate(raw)
    except ValidationError as error:
        raise _refused(misfits(error, _Document, (), _NO_LINES), _ids(raw)) from None
    if document.edge_id != local.edge_id:
        raise OfferRefused(f"it is for edge {document.edge_id!r}, and this one is {local.edge_id!r}")
    own = {watch.id for watch in local.watches}
    for watch in document.watches:
        if watch.id in own:
            raise OfferRefused(f"watch {watch.id!r}: id: the edge's own file has a watch of this name already")
    problems = list(watch_problems(document.watches, local))
    if problems:
        raise _refused(iter(problems), _ids(raw))
    return tuple(document.watches)


def watch_problems(watches: Sequence[Watch], local: EdgeConfiguration) -> Iterator[Problem]:
    """Checks watches from outside against the cameras, sensors, detectors and watches of this edge's own file."""
    foreign = [problem for index, watch in enumerate(watches) if (problem := _foreign_model(index, watch, local))]
    if foreign:  # before anything of such a folder is read
        return iter(foreign)
    from_outside = {watch.id for watch in watches}
    beside = [watch for watch in local.watches if watch.id not in from_outside]
    return watch_checks(local.model_copy(update={"watches": list(watches)}), _NO_LINES, beside=beside)


def _foreign_model(index: int, watch: Watch, local: EdgeConfiguration) -> Problem | None:
    """The centre names no place of the box's disk, but for the folder where models for it are laid."""
    model = (watch.detector.model_extra or {}).get("model")
    folder = Path(local.data_dir) / MODELS_FOLDER
    if not isinstance(model, str) or "/" not in model or _is_below(model, folder):
        return None
    message = f"from the centre expected the name of an installed model, or the path of a folder below {folder}"
    return Problem(1, dotted(("watches", index, "detector", "model")), message)


def _is_below(path: str, folder: Path) -> bool:
    try:
        return Path(path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a NUL, a name too long, links in a circle
        return False


def draft_of(raw: dict[str, Any], local: EdgeConfiguration) -> Watch:
    """Returns a watch that is to be tried before it is in any configuration. Raises: OfferRefused."""
    try:
        watch = Watch.model_validate(raw)
    except ValidationError as error:
        raise _refused(misfits(error, Watch, ("watches", 0), _NO_LINES), [raw.get("id")]) from None
    problems = list(watch_problems([watch], local))
    if problems:
        raise _refused(iter(problems), [watch.id])
    return watch


def _parsed(content: bytes) -> Any:
    if len(content) > MAX_BYTES:
        raise OfferRefused(f"larger than {MAX_BYTES} bytes; not a configuration")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise OfferRefused("it is not JSON") from None


def _ids(raw: Any) -> list[Any]:
    watches = raw.get("watches") if isinstance(raw, dict) else None
    return [w.get("id") if isinstance(w, dict) else None for w in watches] if isinstance(watches, list) else []


def _refused(problems: Iterator[Problem], ids: Sequence[Any]) -> OfferRefused:
    first, *others = problems
    found = _OF_WATCH.fullmatch(first.where)
    where = first.where
    if found is not None:
        index = int(found[1])
        named = ids[index] if index < len(ids) else None
        watch = f"watch {named!r}" if isinstance(named, str) else f"watch number {index + 1}"
        where = f"{watch}: {found[2]}" if found[2] else watch
    more = f" (and {len(others)} more)" if others else ""
    return OfferRefused(f"{where}: {first.message}{more}" if where else f"{first.message}{more}")
