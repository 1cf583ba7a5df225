"""Tells Schemathesis, which loads this file, who asks what: for each operation somebody who may do it.

STREETCASE_FUZZ_FILE names a JSON file: ``tokens`` by role, and ``values`` that path parameters of a name often take, so
that not every request ends at an id that nobody has.
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import schemathesis

from api.rights import Rights, Role

_RIGHTS = Rights.load()
_SEED: dict[str, Any] = json.loads(Path(os.environ["STREETCASE_FUZZ_FILE"]).read_text(encoding="utf-8"))
_TOKENS: dict[str, str] = _SEED["tokens"]
_VALUES: dict[str, list[str]] = _SEED["values"]
_PREFERRED = (Role.ADMINISTRATOR, Role.SUPERVISOR, Role.OPERATOR, Role.HANDLER, Role.INTEGRATOR, Role.SERVICE)
_KNOWN_SHARE = 0.7
_SOUND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@schemathesis.auth()
class SomebodyWhoMay:
    """Gives each operation the token of a role that the table of rights lets do it."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str | None:  # noqa: ARG002
        action = context.operation.definition.raw["x-action"]
        if _RIGHTS.may(Role.ANONYMOUS, action):
            return None
        return next((_TOKENS[role] for role in _PREFERRED if _RIGHTS.may(role, action)), _TOKENS[Role.ADMINISTRATOR])

    def set(self, case: schemathesis.Case[Any], data: str | None, context: schemathesis.AuthContext) -> None:  # noqa: ARG002
        if data is not None:
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Puts in what is there, most of the time."""
    del context
    if not path_parameters:
        return path_parameters
    chance = random.Random(repr(sorted(path_parameters.items())))  # noqa: S311 (a repeatable choice of test values)
    return {
        name: chance.choice(_VALUES[name]) if _is_sound(name, value) and chance.random() < _KNOWN_SHARE else value
        for name, value in path_parameters.items()
    }


def _is_sound(name: str, value: Any) -> bool:
    """A value that was made to be refused stays what it is."""
    return name in _VALUES and isinstance(value, str) and _SOUND.fullmatch(value) is not None
