"""Brings the demonstration's footage: a fixed camera above a street, from a package, the web or our own drawing.

The clip is OpenCV's sample ``vtest.avi`` (768x576, 10 frames a second, 80 s): people cross, two vehicles stand at the
top right. It is not part of this project, so it is fetched, checked by its sha256 and kept in a cache.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from streetcase.demo.scene import render_scene

Origin = Literal["cache", "debian", "opencv", "rendered"]
Say = Callable[[str], None]

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is known by its content, and where it can be had: a Debian package that holds it, and a URL."""

    name: str
    sha256: str
    max_bytes: int
    package: str
    url: str


VTEST = Wanted(
    name="vtest.avi",
    sha256="45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    max_bytes=20_000_000,
    package="opencv-doc",
    url="https://raw.githubusercontent.com/opencv/opencv/4.x/samples/data/vtest.avi",
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source may give nothing at all, and how long it may take while it still gives something."""

    stall_s: float = 8.0
    whole_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Footage:
    """A clip on this machine; ``rendered`` is our own drawing of such a street."""

    path: Path
    origin: Origin


class FootageError(Exception):
    """A source could not give the file; the message is a sentence for the person who started the demonstration."""


def footage(cache_dir: Path, say: Say, *, wanted: Wanted = VTEST, patience: Patience | None = None) -> Footage:
    """Returns the clip from the cache, from Debian, from OpenCV's repository, or else rendered, and says which.

    Raises:
        OSError: If ``cache_dir`` cannot be written.
    """
    patience = patience or Patience()
    cache_dir.mkdir(parents=True, exist_ok=True)
    kept = cache_dir / wanted.name
    if kept.exists():
        if _sha256(kept) == wanted.sha256:
            say(f"The footage {wanted.name} is in the cache already")
            return Footage(path=kept, origin="cache")
        say(f"{kept} is not the footage that was expected; it is fetched again")
    sources: list[tuple[Origin, str, Callable[[Wanted, Path, Patience], Path]]] = [
        ("debian", f"Debian's package {wanted.package}", _from_debian),
        ("opencv", "OpenCV's repository", _from_web),
    ]
    for origin, name, fetch in sources:
        say(f"Fetching {wanted.name} from {name}")
        try:
            _keep(fetch, kept, wanted, patience)
        except FootageError as error:
            say(f"{name[0].upper()}{name[1:]} did not give the footage: {error}")
            continue
        say(f"{wanted.name} came from {name}")
        return Footage(path=kept, origin=origin)
    return _rendered(cache_dir, say)


def _keep(fetch: Callable[[Wanted, Path, Patience], Path], kept: Path, wanted: Wanted, patience: Patience) -> None:
    """Lets ``fetch`` work in a folder of its own and moves what it brings to ``kept`` once it is known to be right."""
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=kept.parent, ignore_cleanup_errors=True) as folder:
        fetched = fetch(wanted, Path(folder), patience)
        found = _sha256(fetched)
        if found != wanted.sha256:
            raise FootageError(f"its sha256 is {found[:12]}..., expected {wanted.sha256[:12]}...")
        fetched.replace(kept)


def _rendered(cache_dir: Path, say: Say) -> Footage:
    say("Neither source can be reached, so a street is drawn instead; that takes some seconds")
    path = cache_dir / "rendered-street.mp4"
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        render_scene(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    say("The street is drawn")
    return Footage(path=path, origin="rendered")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_web(wanted: Wanted, folder: Path, patience: Patience) -> Path:
    if not getproxies() and not _resolves(urlsplit(wanted.url).hostname or "", patience.stall_s):
        raise FootageError("its name cannot be resolved")
    path = folder / "from-web"
    deadline = time.monotonic() + patience.whole_s
    size_bytes = 0
    try:
        with (
            httpx.stream("GET", wanted.url, follow_redirects=True, timeout=patience.stall_s) as answer,
            path.open("wb") as file,
        ):
            if answer.status_code != httpx.codes.OK:
                raise FootageError(f"it answered {answer.status_code} {answer.reason_phrase}")
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > wanted.max_bytes:
                    raise FootageError(f"it sends more than the {wanted.max_bytes} bytes expected")
                if time.monotonic() > deadline:
                    raise FootageError(f"it was not done after {patience.whole_s:g} s")
                file.write(chunk)
    except httpx.TimeoutException as error:
        raise FootageError(f"it gave nothing for {patience.stall_s:g} s") from error
    except httpx.HTTPError as error:
        raise FootageError(f"it cannot be reached ({error})") from error
    return path


def _resolves(host: str, timeout_s: float) -> bool:
    """Says whether a host has an address; the system's resolver alone may take longer than anybody waits."""
    found = threading.Event()

    def ask() -> None:
        with contextlib.suppress(OSError):
            socket.getaddrinfo(host, None)
            found.set()

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(timeout_s)
    return found.is_set()


def _from_debian(wanted: Wanted, folder: Path, patience: Patience) -> Path:
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise FootageError(f"this machine has no {program}")
    return _unpack(_download_package(wanted, folder, patience), wanted=wanted, folder=folder)


def _download_package(wanted: Wanted, folder: Path, patience: Patience) -> Path:
    """Downloads the package into ``folder``, with the machine's package lists or, where they fail, with fresh ones.

    Needs no root: the fresh lists lie in ``folder`` too.
    """
    private = [f"-oDir::Cache={folder}/cache", "-oDebug::NoLocking=1", "-oAcquire::Retries=0"]
    private += [f"-oAcquire::{scheme}::Timeout={max(1, int(patience.stall_s))}" for scheme in ("http", "https")]
    (folder / "cache/archives/partial").mkdir(parents=True)
    try:
        _apt([*private, "download", wanted.package], folder=folder, patience=patience)
    except _AptSaysNoError:
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        private.append(f"-oDir::State::Lists={lists}")
        _apt([*private, "-oAPT::Update::Error-Mode=any", "update"], folder=folder, patience=patience)
        _apt([*private, "download", wanted.package], folder=folder, patience=patience)
    package = next(folder.glob("*.deb"), None)
    if package is None:
        raise FootageError("apt-get brought no package")
    return package


class _AptSaysNoError(FootageError):
    """apt-get ended with an error of its own, so fresher package lists may help."""


def _apt(arguments: list[str], *, folder: Path, patience: Patience) -> None:
    """Runs apt-get in ``folder`` and ends it where it stands still or takes too long."""
    log = folder / "apt.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["apt-get", "-q", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
        )
        try:
            _watch(process, folder=folder, patience=patience)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        complaints = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("E: ")]
        raise _AptSaysNoError(complaints[0][3:] if complaints else f"apt-get ended with {process.returncode}")


def _watch(process: subprocess.Popen[bytes], *, folder: Path, patience: Patience) -> None:
    began = last_growth = time.monotonic()
    seen_bytes = -1
    while process.poll() is None:
        now = time.monotonic()
        size_bytes = _size_of(folder)
        if size_bytes != seen_bytes:
            seen_bytes, last_growth = size_bytes, now
        if now - last_growth > patience.stall_s:
            raise FootageError(f"apt-get brought nothing for {patience.stall_s:g} s")
        if now - began > patience.whole_s:
            raise FootageError(f"apt-get was not done after {patience.whole_s:g} s")
        time.sleep(0.05)


def _size_of(folder: Path) -> int:
    """Returns the bytes of all files that apt-get brings; its own log does not count as progress."""
    size_bytes = 0
    for path in folder.rglob("*"):
        try:
            size_bytes += path.stat().st_size if path.is_file() and path.name != "apt.log" else 0
        except OSError:  # apt-get renames what is complete while we look.
            continue
    return size_bytes


def _unpack(package: Path, *, wanted: Wanted, folder: Path) -> Path:
    path = folder / "unpacked"
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not _copy_member(process.stdout, path, wanted):
                raise FootageError(f"the package holds no {wanted.name}")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise FootageError(f"the package cannot be read ({error})") from error
        finally:
            process.kill()  # The rest of the package is of no interest.
    return path


def _copy_member(archive: IO[bytes], path: Path, wanted: Wanted) -> bool:
    """Writes the wanted member of a tar stream to ``path``; Debian may have compressed it. False where it is absent."""
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            content = members.extractfile(member) if member.name.endswith((wanted.name, f"{wanted.name}.gz")) else None
            if content is None:
                continue
            packed = member.name.endswith(".gz")
            plain = gzip.GzipFile(fileobj=content) if packed else content
            path.write_bytes(plain.read(wanted.max_bytes + 1))
            return True
    return False
