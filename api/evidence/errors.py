"""What can go wrong with evidence.

EvidenceError
├── EvidenceRefused           the bytes or their name are wrong: sending the same again is of no use
├── EvidenceMissing           nothing is kept under this name
├── EvidenceDamaged           what is kept is not what was written; it is never shown
└── EvidenceUnavailable       the store itself fails (disk full, bucket away): try again later
    ├── EvidenceLocked        it is encrypted with a key that the key file does not hold
    └── EvidenceMisconfigured a setting of the store cannot be used
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class EvidenceError(Exception):
    """Anything that keeps evidence from being kept or read."""


class EvidenceRefused(EvidenceError):
    """The bytes or their name are wrong; ``reason`` says how, in words for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EvidenceMissing(EvidenceError):
    """Nothing is kept under this name."""


class EvidenceDamaged(EvidenceError):
    """What is kept under this name is cut off, altered, or another item's."""


class EvidenceUnavailable(EvidenceError):
    """The store itself fails."""


class EvidenceLocked(EvidenceUnavailable):
    """The item is encrypted, and its key is not at hand."""


class EvidenceMisconfigured(EvidenceUnavailable):
    """A setting of the store cannot be used; the message names it and what was expected."""


@contextmanager
def folder_failures(sha256: str | None = None) -> Iterator[None]:
    """Turns the file system's errors into ours; of the item ``sha256``, a file that is not there is missing."""
    try:
        yield
    except OSError as error:
        if sha256 is not None and isinstance(error, FileNotFoundError):
            raise EvidenceMissing(f"no evidence is kept under {sha256}") from error
        raise EvidenceUnavailable(f"the evidence folder fails: {error.strerror or type(error).__name__}") from error
