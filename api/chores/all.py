"""The list of all chores; each subject's own are beside the rest of the subject."""

from __future__ import annotations

from api.chores.runner import Chore

CHORES: tuple[Chore, ...] = ()
