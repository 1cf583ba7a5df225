"""A typed client of the API for integrators; it needs httpx and pydantic alone."""

from api.typed_client.client import StreetcaseClient
from api.typed_client.connection import ApiError

__all__ = ["ApiError", "StreetcaseClient"]
