"""Reads XML that some device on the network sent: bounded, and without a document type, so without entities."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from edge.onvif.faults import Rubbish

MAX_BYTES = 1_000_000
MAX_DEPTH = 64

Element = ElementTree.Element


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree, unless it declares a document type or is too deep."""

    _depth = 0

    def doctype(self, *_: object) -> None:
        """Called by expat's wrapper at ``<!DOCTYPE``, before any entity is declared."""
        raise Rubbish("its XML declares a document type, which no ONVIF device needs")

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Rubbish(f"its XML is more than {MAX_DEPTH} levels deep")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parsed(body: bytes) -> Element:
    """Returns the root of ``body``. Raises: Rubbish: It is no XML, or not such as a camera may send."""
    if len(body) > MAX_BYTES:
        raise Rubbish(f"its answer is longer than {MAX_BYTES} bytes")
    parser = ElementTree.XMLParser(target=_Builder())  # noqa: S314 - see above
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError):  # the last two: an encoding that is none
        raise Rubbish("its answer is no XML") from None
    return root


def local(element: Element) -> str:
    """Returns the name of ``element`` without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element | None, *path: str) -> Iterator[Element]:
    """Yields what lies at ``path`` below ``element``, by names without namespaces: cameras mix those up."""
    if element is None:
        return
    for child in element:
        if local(child) == path[0]:
            if len(path) == 1:
                yield child
            else:
                yield from children(child, *path[1:])


def child(element: Element | None, *path: str) -> Element | None:
    """Returns the first that lies at ``path`` below ``element``."""
    return next(children(element, *path), None)


def text(element: Element | None, *path: str) -> str:
    """Returns the text at ``path`` below ``element`` without spaces around it, ``""`` where there is none."""
    found = child(element, *path) if path else element
    return "" if found is None or found.text is None else found.text.strip()


def number(element: Element | None, *path: str) -> int | None:
    """Returns the number at ``path`` below ``element``, None where there is none that is plausible."""
    said = text(element, *path)
    try:
        value = float(said) if len(said) < 20 else -1.0
    except ValueError:
        return None
    return int(value) if 0 <= value <= 1e9 else None
