"""Says what a case holds."""

from __future__ import annotations

from streetcase.demo.operator import DemoCase


def incidents_of(case: DemoCase) -> set[str]:
    """Returns the ids of its incidents."""
    return {incident["id"] for incident in case.detail["incidents"]}


def roles_of(case: DemoCase) -> set[str]:
    """Returns the roles of the pictures that have come."""
    return {item["role"] for item in case.detail["evidence"] if item["state"] == "present"}


def phases_of(case: DemoCase) -> list[str]:
    """Returns the phases of the events behind it, in the order of its reports."""
    return [report["payload"]["phase"] for report in case.reports]
