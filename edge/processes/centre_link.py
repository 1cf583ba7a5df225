"""Makes the connection to the centre from what the edge's own file says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import structlog

from edge.processes.cannot_start import EdgeCannotStart
from edge.uplink.link import CentreLink
from ingest.configuration import EdgeConfiguration

log = structlog.get_logger(__name__)


def make_link(configuration: EdgeConfiguration, environment: Mapping[str, str]) -> CentreLink | None:
    """Returns the link, or None where no centre is configured. Raises: EdgeCannotStart: It has no key, or no trust."""
    centre = configuration.centre
    if centre is None:
        log.warning("no centre configured, events stay in the outbox")
        return None
    if centre.key_env is not None:
        key = environment.get(centre.key_env, "")
        where = f"environment variable {centre.key_env}"
    else:
        where = f"file {centre.key_file}"
        try:
            key = Path(str(centre.key_file)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            key = ""
    if not (key and key.isascii() and key.isprintable()):
        raise EdgeCannotStart(f"no key for the centre in {where}; `streetcase api add-edge` makes one")
    try:
        return CentreLink(centre, key)
    except (httpx.InvalidURL, OSError, ValueError):
        # Not chained: the URL may hold a password.
        raise EdgeCannotStart("centre: the url, the ca_file or the certificate_file cannot be used") from None
