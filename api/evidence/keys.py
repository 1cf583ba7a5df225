"""The keys that encrypt evidence: one file, one key a line, the first of them for what is new."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from api.evidence.errors import EvidenceMisconfigured

KEY_BYTES = 32
KEY_ID_BYTES = 8
_LINE = re.compile(r"[0-9a-fA-F]{64}")
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class KeyRing:
    """keys: 32 bytes each, at least one; the first encrypts, all decrypt."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises: EvidenceMisconfigured: Naming the file and the line, and never what is in it."""
        where = f"the evidence key file {path}"
        try:
            with path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                if mode & _OTHERS:
                    raise EvidenceMisconfigured(f"{where}: expected mode 0600, got {mode:04o}; run chmod 600 on it")
                lines = [line.strip() for line in file]
        except OSError as error:
            raise EvidenceMisconfigured(f"{where} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise EvidenceMisconfigured(f"{where}: expected 64 hexadecimal digits a line, got other text") from None
        for number, line in enumerate(lines, start=1):
            if line and not _LINE.fullmatch(line):
                raise EvidenceMisconfigured(f"{where}, line {number}: expected 64 hexadecimal digits")
        keys = tuple(bytes.fromhex(line) for line in lines if line)
        if not keys:
            raise EvidenceMisconfigured(f"{where} holds no key; streetcase api make-evidence-key makes one")
        return cls(keys)

    def key(self, key_id: bytes) -> bytes | None:
        return next((key for key in self.keys if id_of(key) == key_id), None)


def id_of(key: bytes) -> bytes:
    """Returns what tells keys apart and gives nothing of them away."""
    return hashlib.sha256(key).digest()[:KEY_ID_BYTES]


def make_key_file(path: Path) -> None:
    """Makes a key file that only its owner reads. Raises: EvidenceMisconfigured: If there is one, or it fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Evidence may be written with it at once: a power cut must not take the key and leave the evidence.
        folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise EvidenceMisconfigured(f"{path} exists, and without its keys the evidence cannot be read") from None
    except OSError as error:
        raise EvidenceMisconfigured(f"{path} cannot be made: {error.strerror}") from error
