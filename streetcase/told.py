"""Turns what a user can mend into one clear line and an exit code; a stack trace is for our own mistakes only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer

_EXTRA_OF = {
    "av": "edge",
    "cv2": "edge",
    "numpy": "edge",
    "openvino": "edge",
    "paho": "edge",
    "jmespath": "edge",
    "fastapi": "server",
    "uvicorn": "server",
    "sqlalchemy": "server",
    "alembic": "server",
    "argon2": "server",
    "redis": "server",
    "PIL": "server",
    "cryptography": "server",
    "fsspec": "server",
    "s3fs": "s3",
    "botocore": "s3",
    "psycopg": "postgres",
    "authlib": "oidc",
    "joserfc": "oidc",
    "amqtt": "demo",
    "platformdirs": "demo",
    "ultralytics": "yolo",
}


class UserError(Exception):
    """Something that the user can mend; the text says what, where, and what was expected."""


@contextmanager
def told(*mendable: type[Exception]) -> Iterator[None]:
    """Prints a :class:`UserError` or one of ``mendable`` as one message and exits with 2."""
    ours: tuple[type[Exception], ...] = (UserError, *mendable)
    try:
        yield
    except ours as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        raise typer.Exit(2) from None
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        typer.secho(
            f"this command needs {error.name}: install it with pip install 'streetcase[{extra}]'",
            err=True,
            fg=typer.colors.RED,
        )
        raise typer.Exit(2) from None


def print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
