"""Says in one line what does not fit in a message, for the people at the other end."""

from __future__ import annotations

from pydantic import ValidationError

REASON_MAX = 300


def sentence(error: ValidationError) -> str:
    """Returns the first faults in one line that says where each is, without echoing what was sent."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [f"{'.'.join(str(step) for step in fault['loc']) or 'event'}: {fault['msg']}" for fault in faults[:3]]
    if len(faults) > len(parts):
        parts.append(f"and {len(faults) - len(parts)} more")
    return "; ".join(parts).encode("utf-8", "replace").decode()[:REASON_MAX]
