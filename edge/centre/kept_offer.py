"""Keeps the centre's last good configuration in a file that survives a power cut."""

from __future__ import annotations

import json
import os
from pathlib import Path

from edge.centre.document import Offer
from edge.outbox.durable import durable_folder, sync_folder


class KeptOfferDamaged(Exception):
    """The file is there and cannot be read: what the centre wanted watched is not known."""


class KeptOffer:
    """One JSON file: the tag and the document as they came."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Offer | None:
        """Returns the kept configuration, None where there is none. Raises: KeptOfferDamaged."""
        try:
            kept = json.loads(self._file.read_bytes())
            etag, document = kept["etag"], kept["document"]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeptOfferDamaged(f"{self._file.name} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise KeptOfferDamaged(f"{self._file.name} is damaged") from None
        if not isinstance(etag, str):
            raise KeptOfferDamaged(f"{self._file.name} is damaged")
        return Offer(etag, json.dumps(document).encode())

    def write(self, offer: Offer) -> None:
        """Replaces the file durably: the old one or the new one, never a part. Raises: OSError."""
        kept = {"revision": offer.revision, "etag": offer.etag, "document": json.loads(offer.content)}
        durable_folder(self._file.parent)
        part = self._file.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(json.dumps(kept, indent=1).encode())
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._file)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        sync_folder(self._file.parent)

    def remove(self) -> None:
        """Removes the file durably; harmless where there is none. Raises: OSError."""
        if self._file.exists():
            self._file.unlink()
            sync_folder(self._file.parent)
