"""The footage comes from where it can be had, is checked, and is never waited for too long.

A small file stands for the clip: it lies in a real Debian package in a local repository, and on a local web server.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from streetcase.demo.footage import VTEST, Patience, Wanted, footage
from tests.services.ports import HOST, free_port
from tests.services.processes import missing

CONTENT = b"pictures of a street " * 50_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATIENCE = Patience(stall_s=1.0, whole_s=20.0)
PROXIES = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]


def _wanted(
    *, package: str = "no-such-package", url: str = "", sha256: str = SHA256, max_bytes: int = 2_000_000
) -> Wanted:
    url = url or f"http://{HOST}:{free_port()}/clip.avi"
    return Wanted(name="clip.avi", sha256=sha256, max_bytes=max_bytes, package=package, url=url)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lets apt-get know no repository at all, and takes away the machine's proxies."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    _apt_knows(tmp_path, monkeypatch, repository=None)


def _apt_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, repository: str | None) -> None:
    lists = tmp_path / "apt-lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] {repository} ./\n" if repository else "")
    settings = tmp_path / "apt.conf"
    settings.write_text(
        f'Dir::State::Lists "{lists}";\nDir::Etc::SourceList "{sources}";\nDir::Etc::SourceParts "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(settings))


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Yields the address of a web server for the files of ``folder``."""

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.split("?")[0].lstrip("/")
            content = path.read_bytes() if path.is_file() else b""
            self.send_response(200 if path.is_file() else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer((HOST, 0), Files) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@contextlib.contextmanager
def _black_hole() -> Iterator[str]:
    """Yields the address of somebody who accepts connections and never says a word."""
    with socket.create_server((HOST, 0), backlog=50) as listener:
        yield f"http://{HOST}:{listener.getsockname()[1]}"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Debian repository that apt-get knows, with the package ``street-doc``, which holds the clip."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        missing("no apt-get and dpkg-deb on this machine")
    tree, folder = tmp_path / "tree", tmp_path / "repository"
    folder.mkdir()
    (tree / "DEBIAN").mkdir(parents=True)
    tree.chmod(0o755)
    control = (
        "Package: street-doc\nVersion: 1\nArchitecture: all\nMaintainer: Tests <tests@example.org>\nDescription: clip\n"
    )
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / "usr/share/doc/street").mkdir(parents=True)
    (tree / "usr/share/doc/street/clip.avi").write_bytes(CONTENT)
    package = folder / "street-doc_1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, package], check=True, capture_output=True)
    built = package.read_bytes()
    place = f"Filename: ./{package.name}\nSize: {len(built)}\nSHA256: {hashlib.sha256(built).hexdigest()}\n"
    (folder / "Packages").write_text(control + place)
    with _serving(folder) as address:
        _apt_knows(tmp_path, monkeypatch, repository=address)
        yield address


def test_a_package_brings_it_without_package_lists_on_the_machine(tmp_path: Path, repository: str) -> None:
    said: list[str] = []
    brought = footage(tmp_path / "cache", said.append, wanted=_wanted(package="street-doc"))
    assert brought.origin == "debian"
    assert brought.path.read_bytes() == CONTENT
    assert said == [
        "Fetching clip.avi from Debian's package street-doc",
        "clip.avi came from Debian's package street-doc",
    ]


def test_what_was_brought_once_is_not_fetched_again(tmp_path: Path, repository: str) -> None:
    wanted = _wanted(package="street-doc")
    footage(tmp_path / "cache", print, wanted=wanted)
    again = footage(tmp_path / "cache", print, wanted=_wanted())
    assert again.origin == "cache"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["clip.avi"]


def test_a_damaged_cache_is_fetched_again(tmp_path: Path, repository: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "clip.avi").write_bytes(CONTENT[:-1])
    said: list[str] = []
    brought = footage(tmp_path / "cache", said.append, wanted=_wanted(package="street-doc"))
    assert (brought.origin, brought.path.read_bytes() == CONTENT) == ("debian", True)
    assert "is not the footage that was expected" in said[0]


def test_the_web_brings_it_where_no_package_does(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "clip.avi").write_bytes(CONTENT)
    said: list[str] = []
    with _serving(tmp_path / "web") as address:
        brought = footage(tmp_path / "cache", said.append, wanted=_wanted(url=f"{address}/clip.avi"))
    assert (brought.origin, brought.path.read_bytes() == CONTENT) == ("opencv", True)
    assert any("Debian's package no-such-package did not give the footage: " in line for line in said)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws quickly: what the street looks like is another test's matter."""

    def draw(path: Path) -> None:
        path.write_bytes(b"drawn")

    monkeypatch.setattr("streetcase.demo.footage.render_scene", draw)


@pytest.mark.parametrize(
    ("content", "max_bytes", "complaint"),
    [
        (b"another clip", 2_000_000, "its sha256 is "),
        (CONTENT, 1_000, "it sends more than the 1000 bytes expected"),
        (None, 2_000_000, "it answered 404 Not Found"),
    ],
    ids=["other content", "too large", "not there"],
)
def test_a_wrong_file_is_refused_and_a_street_is_drawn(
    tmp_path: Path, drawn: None, content: bytes | None, max_bytes: int, complaint: str
) -> None:
    (tmp_path / "web").mkdir()
    if content:
        (tmp_path / "web" / "clip.avi").write_bytes(content)
    said: list[str] = []
    with _serving(tmp_path / "web") as address:
        wanted = _wanted(url=f"{address}/clip.avi", max_bytes=max_bytes)
        brought = footage(tmp_path / "cache", said.append, wanted=wanted)
    assert (brought.origin, brought.path.read_bytes()) == ("rendered", b"drawn")
    assert any(complaint in line for line in said)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [brought.path.name]


def test_a_dead_network_is_not_waited_for(tmp_path: Path, drawn: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    began = time.monotonic()
    with _black_hole() as address:
        _apt_knows(tmp_path, monkeypatch, repository=address)
        wanted = _wanted(package="street-doc", url=f"{address}/clip.avi")
        brought = footage(tmp_path / "cache", said.append, wanted=wanted, patience=PATIENCE)
    assert brought.origin == "rendered"
    assert time.monotonic() - began < 3 * PATIENCE.stall_s + 4  # two sources, and some time to start apt-get
    assert "Neither source can be reached, so a street is drawn instead; that takes some seconds" in said
    assert sum("for 1 s" in line for line in said) >= 1


def test_a_name_that_nobody_knows_is_told(tmp_path: Path, drawn: None) -> None:
    said: list[str] = []
    footage(
        tmp_path / "cache", said.append, wanted=_wanted(url="https://no-such-host.invalid/clip.avi"), patience=PATIENCE
    )
    assert "OpenCV's repository did not give the footage: its name cannot be resolved" in said


def test_the_waits_for_a_dead_network_add_up_to_less_than_twenty_seconds() -> None:
    assert 2 * Patience().stall_s < 20


def test_the_real_clip_is_named_by_its_content() -> None:
    assert VTEST.sha256 == "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
    assert VTEST.url.startswith("https://")
