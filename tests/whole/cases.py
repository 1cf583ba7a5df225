"""Says what a case holds."""

from __future__ import annotations

from streetcase.demo.operator import DemoCase


def incidents_of(case: DemoCase | None) -> set[str]:
    """Returns the ids of its incidents; none of a case that is not there yet."""
    return {incident["id"] for incident in case.detail["incidents"]} if case is not None else set()


def roles_of(case: DemoCase | None) -> set[str]:
    """Returns the roles of the pictures that have come; none of a case that is not there yet."""
    evidence = case.detail["evidence"] if case is not None else []
    return {item["role"] for item in evidence if item["state"] == "present"}


def phases_of(case: DemoCase) -> list[str]:
    """Returns the phases of the events behind it, in the order of its reports."""
    return [report["payload"]["phase"] for report in case.reports]
