"""All tables of the API; importing this module makes their metadata whole."""

from api.tables.audit import AuditHead, AuditRow
from api.tables.base import Base
from api.tables.case_links import BlindSource, CaseLink, KeptApart
from api.tables.case_texts import CaseText, CaseTextsMark
from api.tables.cases import Case, CaseCounter, Evidence, HistoryLine, Incident, ReportRow, Watch
from api.tables.catalogue import Code, Kind, KindCondition
from api.tables.clocks import Calendar, CalendarDay, CaseAsk, EscalationStep, StageLimit, TimerLine
from api.tables.edges import EdgeConfigurationRow, EdgeRequestRow, EdgeStatusRow
from api.tables.kept import KeptVersion
from api.tables.people import ApiKey, Edge, EdgeToken, LoginFailures, LoginSession, LoginSource, Person
from api.tables.places import Asset, Assignment, Camera, Department, Grid, Permit, Road, Sensor
from api.tables.retention import EvidenceDeletion
from api.tables.webhooks import Webhook, WebhookDelivery

__all__ = [
    "ApiKey",
    "Asset",
    "Assignment",
    "AuditHead",
    "AuditRow",
    "Base",
    "BlindSource",
    "Calendar",
    "CalendarDay",
    "Camera",
    "Case",
    "CaseAsk",
    "CaseCounter",
    "CaseLink",
    "CaseText",
    "CaseTextsMark",
    "Code",
    "Department",
    "Edge",
    "EdgeConfigurationRow",
    "EdgeRequestRow",
    "EdgeStatusRow",
    "EdgeToken",
    "EscalationStep",
    "Evidence",
    "EvidenceDeletion",
    "Grid",
    "HistoryLine",
    "Incident",
    "KeptApart",
    "KeptVersion",
    "Kind",
    "KindCondition",
    "LoginFailures",
    "LoginSession",
    "LoginSource",
    "Permit",
    "Person",
    "ReportRow",
    "Road",
    "Sensor",
    "StageLimit",
    "TimerLine",
    "Watch",
    "Webhook",
    "WebhookDelivery",
]
