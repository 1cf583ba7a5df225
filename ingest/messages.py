"""Reads one message of the contract from a request's body."""

from __future__ import annotations

from typing import TypeVar

from fastapi import HTTPException
from pydantic import ValidationError

from ingest.bodies import parsed_json
from ingest.contract import Wire
from ingest.sorting import UncarriableError, compact_json
from ingest.wording import sentence

_Message = TypeVar("_Message", bound=Wire)


def message_in(body: bytes, kind: type[_Message]) -> _Message:
    """Returns the checked message. Raises: HTTPException: 400 for what is no JSON, 422 with what does not fit."""
    try:
        return kind.model_validate_json(compact_json(parsed_json(body)))
    except ValidationError as error:
        raise HTTPException(422, sentence(error)) from error
    except UncarriableError as error:
        raise HTTPException(422, str(error)) from error
