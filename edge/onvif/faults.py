"""Names what is wrong with a camera's ONVIF, in texts that hold no credentials and nothing that moves a terminal.

OnvifFault
├── NoAnswer       nobody listens there, or no answer in time
├── NotLetIn       user or password is missing or wrong
├── Refusal        it answers that it will not or cannot
└── Rubbish        what came is no ONVIF, is too long, or names another host
"""

from __future__ import annotations

SHOWN_CHARACTERS = 120


class OnvifFault(Exception):
    """A camera that cannot be asked; ``str`` says so for a person."""


class NoAnswer(OnvifFault):
    pass


class NotLetIn(OnvifFault):
    pass


class Refusal(OnvifFault):
    pass


class Rubbish(OnvifFault):
    pass


def shown(text: str | None) -> str:
    """Returns what a device on the network said as one short line of printable characters."""
    kept = "".join(c if c.isprintable() else " " for c in (text or "")[: 10 * SHOWN_CHARACTERS])
    return " ".join(kept.split())[:SHOWN_CHARACTERS]
