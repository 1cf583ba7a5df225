"""Hashes and checks passwords with argon2, as slowly for a name that nobody has."""

from __future__ import annotations

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
_AT_ONCE = 4
"""Each check takes 64 MiB for a moment: a flood of logins must not take all memory."""


class Passwords:
    """Argon2id with the library's recommended cost. Safe to share between threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = BoundedSemaphore(_AT_ONCE)
        self._nobodys = self.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(password)

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether they match; without a hash it takes the same time, and the answer is no."""
        with self._turns:
            try:
                found = self._hasher.verify(password_hash or self._nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
        return found and password_hash is not None


def new_password() -> str:
    """A password that nobody guesses, of 20 characters that are easy to copy."""
    return secrets.token_urlsafe(15)
