"""Hashes and checks passwords with argon2, as slowly for a name that nobody has."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
AT_ONCE = 4
"""Each check takes 64 MiB for a moment: a flood of logins must not take all memory."""

MAY_WAIT = 64
"""As many as two cores work off in a few seconds; who comes after them is told to come again."""

_Result = TypeVar("_Result")


class PasswordsBusy(Exception):
    """Too many wait to have a password hashed or checked."""


class Passwords:
    """Argon2id with the library's recommended cost. Safe to share between threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = CapacityLimiter(AT_ONCE)
        self._inside = 0
        self._nobodys = self.hash(secrets.token_urlsafe(32))

    async def in_turn(self, work: Callable[[], _Result]) -> _Result:
        """Runs ``work``, which hashes or checks, in one of few threads kept for that; waiting holds no thread.

        Raises: PasswordsBusy: At once, where ``MAY_WAIT`` wait already.
        """
        if self._inside >= AT_ONCE + MAY_WAIT:
            raise PasswordsBusy("too many are logging in at this moment; try again")
        # Counted here, as the limiter counts those that wait only a moment after they were let in.
        self._inside += 1
        try:
            return await to_thread.run_sync(work, limiter=self._turns)
        finally:
            self._inside -= 1

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether they match; without a hash, or with an empty one, it takes the same time, and the answer is no."""
        try:
            found = self._hasher.verify(password_hash or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return found and bool(password_hash)


def new_password() -> str:
    """A password that nobody guesses, of 20 characters that are easy to copy."""
    return secrets.token_urlsafe(15)
