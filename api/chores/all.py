"""The list of all chores; each subject's own are beside the rest of the subject."""

from __future__ import annotations

from api.acts.chores import STAGE_CHORES
from api.audit.chores import AUDIT_CHORES
from api.cases.text_chore import TEXT_CHORES
from api.chores.runner import Chore
from api.edges.silence import SILENCE_CHORE
from api.interchange.filling import INTERCHANGE_CHORES

CHORES: tuple[Chore, ...] = (*AUDIT_CHORES, *TEXT_CHORES, *STAGE_CHORES, SILENCE_CHORE, *INTERCHANGE_CHORES)
