"""Sinks beside the own API: whoever else hears of each event that the API took."""

from ingest.sinks.base import SinksError
from ingest.sinks.file import sink_names

__all__ = ["SinksError", "sink_names"]
