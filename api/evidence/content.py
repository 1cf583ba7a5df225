"""Tells what bytes really are, and refuses those that are not the picture, clip or table they claim to be."""

from __future__ import annotations

import codecs
import struct
from threading import BoundedSemaphore
from typing import BinaryIO

from PIL import Image

MAX_PIXELS = 16_777_216
"""An edge's pictures have a million, those of a good telephone sixteen."""

MAX_SCANS = 64
"""A progressive JPEG has about ten; each costs a pass over all pixels, and may be a few bytes long."""

DECODING = BoundedSemaphore(2)
"""Of the whole process: each takes up to 250 MB for a moment, in the worst of files."""

_START_OF_SCAN = b"\xff\xda"
_HEAD_BYTES = 16
_PIECE_BYTES = 65_536
_CSV = "text/csv"
_PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
MEDIA_TYPES = frozenset({*_PICTURES, "video/mp4", _CSV})

# What Pillow's decoders are known to raise on hostile bytes, beside OSError and SyntaxError.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class WrongContent(Exception):
    """The bytes are not what they claim to be; the message is the reason in words."""


def sniff(file: BinaryIO) -> str | None:
    """Returns the media type of a picture or clip by its first bytes; None where they are of neither.

    file: seekable; it is left at its start.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return "video/mp4"
    return None


def check(file: BinaryIO, *, media_type: str) -> None:
    """Raises: WrongContent: If the file is not a sound ``media_type``, or is a picture above ``MAX_PIXELS``."""
    if media_type not in MEDIA_TYPES:
        raise WrongContent(f"expected one of {', '.join(sorted(MEDIA_TYPES))}, got {media_type}")
    sniffed = sniff(file)
    if media_type == _CSV:
        _check_text(file, sniffed)
    elif sniffed != media_type:
        raise WrongContent(f"expected {media_type}, got {sniffed or 'bytes of no known type'}")
    elif media_type in _PICTURES:
        with DECODING:
            _check_picture(file, media_type)


def _check_text(file: BinaryIO, sniffed: str | None) -> None:
    if sniffed:
        raise WrongContent(f"expected {_CSV}, got {sniffed}")
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_nul = False
    try:
        while piece := file.read(_PIECE_BYTES):
            has_nul = has_nul or b"\x00" in piece
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise WrongContent("expected text in UTF-8") from error
    if has_nul:
        raise WrongContent("expected text, got NUL characters")


def _check_picture(file: BinaryIO, media_type: str) -> None:
    # Counted in all bytes: some may be no markers, as in an embedded thumbnail, but no marker is left out.
    if media_type == "image/jpeg" and _count_scans(file) > MAX_SCANS:
        raise WrongContent(f"expected {MAX_SCANS} scans at most, got more")
    try:
        with Image.open(file, formats=[_PICTURES[media_type]]) as image:
            pixels = image.width * image.height
            if 0 < pixels <= MAX_PIXELS:
                # Decoded, not only opened: a picture cut off in the middle is found out. An eighth is enough.
                image.draft(None, (image.width // 8, image.height // 8))
                image.load()
    except DECODING_ERRORS as error:
        raise WrongContent(f"the picture cannot be decoded: {type(error).__name__}") from error
    if not 0 < pixels <= MAX_PIXELS:
        raise WrongContent(f"expected 1 to {MAX_PIXELS} pixels, got {pixels}")


def _count_scans(file: BinaryIO) -> int:
    scans, before = 0, b""
    while piece := file.read(_PIECE_BYTES):
        scans += (before + piece).count(_START_OF_SCAN)
        before = piece[-1:]
    file.seek(0)
    return scans
