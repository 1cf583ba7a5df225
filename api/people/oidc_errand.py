"""What a browser carries from the start of a login at the provider to its end."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self

from api.people.oidc_errors import OidcRefused


@dataclass(frozen=True, slots=True)
class Errand:
    """What goes with a browser to the provider and back, in a cookie: only the same browser can finish a login."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        return cls(*(secrets.token_urlsafe(36) for _ in range(3)))

    @classmethod
    def of_cookie(cls, cookie: str, *, state: str) -> Self:
        """Raises: OidcRefused: The cookie is missing or broken, or belongs to another login than ``state``."""
        parts = cookie.split(".")
        if len(parts) != 3 or not all(parts) or not hmac.compare_digest(parts[0].encode(), state.encode()):
            raise OidcRefused("this login was not begun in this browser, or long ago; begin again")
        return cls(*parts)

    @property
    def cookie(self) -> str:
        return f"{self.state}.{self.nonce}.{self.verifier}"
