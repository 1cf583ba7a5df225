"""What can go wrong when an identity provider logs people in; apart, as the provider's libraries are optional.

OidcError
├── OidcRefused      what the browser brings back is not what it was sent with, or the provider said no
├── OidcStranger     the provider knows the person, and nobody here is that person
└── OidcUnavailable  the provider does not answer, or not as the standard says
"""

from __future__ import annotations


class OidcError(Exception):
    """Anything that keeps a person from logging in by the provider."""


class OidcRefused(OidcError):
    """What came back is not what was sent, or the provider said no."""


class OidcStranger(OidcError):
    """Nobody here is the person whom the provider names."""


class OidcUnavailable(OidcError):
    """The provider does not answer, or not as the standard says."""
