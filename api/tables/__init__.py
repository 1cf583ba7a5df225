"""All tables of the API; importing this module makes their metadata whole."""

from api.tables.base import Base
from api.tables.cases import Case, CaseCounter, Evidence, HistoryLine, Incident, ReportRow, Watch
from api.tables.catalogue import Kind
from api.tables.edges import EdgeConfigurationRow, EdgeRequestRow, EdgeStatusRow
from api.tables.people import ApiKey, Edge, LoginFailures, LoginSession, Person
from api.tables.retention import EvidenceDeletion

__all__ = [
    "ApiKey",
    "Base",
    "Case",
    "CaseCounter",
    "Edge",
    "EdgeConfigurationRow",
    "EdgeRequestRow",
    "EdgeStatusRow",
    "Evidence",
    "EvidenceDeletion",
    "HistoryLine",
    "Incident",
    "Kind",
    "LoginFailures",
    "LoginSession",
    "Person",
    "ReportRow",
    "Watch",
]
