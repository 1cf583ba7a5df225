"""GeoReport's discovery document: where the endpoint is, and what it speaks."""

from __future__ import annotations

from api.open311.documents import Content

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-25T00:00:00+08:00"
"""When what is said here changed last."""


def discovery(endpoint_url: str) -> Content:
    return {
        "changeset": CHANGESET,
        "contact": "Ask the administrator of this site for a key and for help.",
        "key_service": "Keys are given by the administrator of this site.",
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": endpoint_url,
                "changeset": CHANGESET,
                "type": "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
