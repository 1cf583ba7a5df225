"""Copies database and evidence of one moment into a folder, and brings them back, checked.

BackupError
├── BackupRefused    something is in the way, or there is nothing to copy; nothing was changed
└── BackupDamaged    what lies in the backup is not what was put there
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from api.settings import ApiSettings

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
DATABASE = "streetcase.db"
EVIDENCE = "evidence"
_FORMAT = 1
_PAGES = 5_000
_PIECE_BYTES = 1_048_576
_ITEM = "[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"
_NAMED_SQL = "SELECT DISTINCT sha256 FROM evidence WHERE state = 'present'"

Progress = Callable[[str, int, int], None]
"""Called again and again with what is done, how much of it, and of how much."""


class BackupError(Exception):
    """Why there is no backup, or nothing was restored."""


class BackupRefused(BackupError):
    """Something is in the way, or there is nothing to copy; nothing was changed."""


class BackupDamaged(BackupError):
    """What lies in the backup is not what was put there."""


@dataclass(frozen=True, slots=True)
class Copied:
    """missing: evidence that the database names as present and that is nowhere, by sha256.

    database: whether it is in the backup. evidence: whether that is.
    """

    database: bool
    evidence: bool
    items: int
    size_bytes: int
    missing: tuple[str, ...]


def back_up(settings: ApiSettings, folder: Path, *, at: datetime, progress: Progress) -> Copied:
    """Copies while the API goes on. The database first: what it names as present was stored before.

    The folder appears under its name once all is in it. Raises: BackupRefused, OSError.
    """
    if folder.exists():
        raise BackupRefused(f"{folder} exists; a backup needs a new folder")
    with _made_whole(folder) as partial:
        sums: dict[str, str] = {}
        file = _sqlite_file(settings)
        if file is not None:
            _copy_database(file, partial / DATABASE, progress)
            sums[DATABASE] = _sum_of(partial / DATABASE)
        in_folder = settings.evidence_url is None
        if in_folder:
            sums |= _copy_tree(settings.evidence_dir, partial / EVIDENCE, progress)
        missing = _missing(partial) if file is not None and in_folder else ()
        (partial / SUMS).write_text("".join(f"{known}  {path}\n" for path, known in sums.items()), encoding="utf-8")
        items = len(sums) - (file is not None)
        copied = Copied(file is not None, in_folder, items, _size(partial, sums), missing)
        manifest = {
            "format": _FORMAT,
            "made_at": at.isoformat(),
            "release": version("streetcase"),
            "database": copied.database,
            "evidence": copied.evidence,
            "items": copied.items,
            "size_bytes": copied.size_bytes,
            "missing": list(missing),
            "sums_sha256": _sum_of(partial / SUMS),
        }
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return copied


def restore(settings: ApiSettings, folder: Path, *, progress: Progress) -> Copied:
    """Checks all of the backup first, and then puts it where the settings say, where nothing may be yet.

    Raises: BackupRefused, BackupDamaged, OSError.
    """
    manifest, sums = _read(folder)
    file = _sqlite_file(settings)
    if manifest["database"] and file is None:
        raise BackupRefused("the backup is of SQLite, and STREETCASE_DATABASE_URL names PostgreSQL")
    if manifest["evidence"] and settings.evidence_url is not None:
        raise BackupRefused("the backup holds evidence of a folder, and STREETCASE_EVIDENCE_URL names a bucket")
    if manifest["database"] and file is not None and file.exists():
        raise BackupRefused(f"{file} exists; nothing is overwritten")
    if manifest["evidence"] and any(settings.evidence_dir.glob(_ITEM)):
        raise BackupRefused(f"{settings.evidence_dir} holds evidence; nothing is overwritten")
    _check(folder, sums, progress)
    if manifest["evidence"]:
        _put_evidence(folder / EVIDENCE, settings.evidence_dir, progress)
    if manifest["database"] and file is not None:
        # Last: a place without its database does not start, so that half of a restored one is never taken for whole.
        file.parent.mkdir(parents=True, exist_ok=True)
        with _made_whole(file) as partial:
            shutil.copyfile(folder / DATABASE, partial)
            partial.chmod(0o640)
    known = {name: manifest[name] for name in ("database", "evidence", "items", "size_bytes")}
    return Copied(**known, missing=tuple(manifest["missing"]))


@contextmanager
def _made_whole(target: Path) -> Iterator[Path]:
    """Yields a path beside the target that becomes the target at the end, and is gone where that did not come."""
    partial = target.with_name(f".{target.name}.partial")
    _remove(partial)
    if target.suffix != ".db":
        partial.mkdir(parents=True, mode=0o750)
    try:
        yield partial
        partial.rename(target)
    except BaseException:
        _remove(partial)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sqlite_file(settings: ApiSettings) -> Path | None:
    url = make_url(settings.database_url)
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None


def _copy_database(file: Path, copy: Path, progress: Progress) -> None:
    if not file.exists():
        raise BackupRefused(f"there is no database {file}")
    source = f"file:{file}?mode=ro"
    with (
        closing(sqlite3.connect(source, uri=True, timeout=30, isolation_level=None)) as of,
        closing(sqlite3.connect(copy)) as to,
    ):
        # One snapshot: without it each commit of the API would begin the copy anew.
        of.execute("BEGIN")
        of.execute("SELECT count(*) FROM sqlite_master").fetchone()
        of.backup(to, pages=_PAGES, progress=lambda _status, left, total: progress("pages", total - left, total))
        # Nobody writes to a copy: without the mode it is one file, whole in itself.
        to.execute("PRAGMA journal_mode = DELETE")


def _copy_tree(source: Path, target: Path, progress: Progress) -> dict[str, str]:
    target.mkdir()
    sums: dict[str, str] = {}
    items = sorted(source.glob(_ITEM))
    for number, item in enumerate(items):
        name = item.relative_to(source)
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            sums[f"{EVIDENCE}/{name}"] = _copy_file(item, copy)
        except FileNotFoundError:
            copy.unlink(missing_ok=True)  # retention removed it a moment ago
        progress("items", number + 1, len(items))
    return sums


def _copy_file(source: Path, target: Path) -> str:
    """Returns the sha256 of what was read, which the copy is then checked against when it is restored."""
    known = hashlib.sha256()
    with source.open("rb") as of, target.open("wb") as to:
        while piece := of.read(_PIECE_BYTES):
            known.update(piece)
            to.write(piece)
    return known.hexdigest()


def _missing(partial: Path) -> tuple[str, ...]:
    there = {path.name for path in (partial / EVIDENCE).glob(_ITEM)}
    with closing(sqlite3.connect(partial / DATABASE)) as copy:
        named = {str(sha256) for (sha256,) in copy.execute(_NAMED_SQL)}
    return tuple(sorted(named - there))


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sums_text = (folder / SUMS).read_bytes()
    except FileNotFoundError:
        raise BackupRefused(f"{folder} is no backup: it has no {MANIFEST} and {SUMS}") from None
    except ValueError:
        raise BackupDamaged(f"{folder / MANIFEST} cannot be read") from None
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise BackupRefused(f"{folder} was made by a newer release")
    if hashlib.sha256(sums_text).hexdigest() != manifest["sums_sha256"]:
        raise BackupDamaged(f"{folder / SUMS} is not as it was written")
    pairs = (line.split("  ", 1) for line in sums_text.decode().splitlines())
    return manifest, {path: known for known, path in pairs}


def _check(folder: Path, sums: dict[str, str], progress: Progress) -> None:
    for number, (path, known) in enumerate(sums.items()):
        if not (folder / path).is_file():
            raise BackupDamaged(f"{folder / path} is missing")
        if _sum_of(folder / path) != known:
            raise BackupDamaged(f"{folder / path} is not as it was written")
        progress("checked", number + 1, len(sums))


def _put_evidence(source: Path, target: Path, progress: Progress) -> None:
    target.mkdir(parents=True, exist_ok=True)
    items = sorted(source.glob(_ITEM))
    for number, item in enumerate(items):
        copy = target / item.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_name(f".{copy.name}.partial")
        shutil.copyfile(item, partial)
        partial.rename(copy)
        progress("restored", number + 1, len(items))


def _sum_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _size(partial: Path, sums: dict[str, str]) -> int:
    return sum((partial / path).stat().st_size for path in sums)
