"""The API as uvicorn starts it in tests."""

from __future__ import annotations

import os

from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings


def api() -> FastAPI:
    return create_app(ApiSettings.from_environment(os.environ))
