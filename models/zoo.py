"""Finds models and loads their cards and weights; weights load only by checksum.

ModelZooError
├── ModelNotFoundError   no model of that name, or no model folder at that path
├── CardError            model.yaml can't be read, or says something that a card can't
└── WeightsError         the weights are missing, or not the ones that the card names
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from models.cards import ModelCard

CARD_FILE = "model.yaml"


class ModelZooError(Exception):
    """Anything that keeps a model from being loaded."""


class ModelNotFoundError(ModelZooError):
    """There is no model of that name, or no model folder at that path."""


class CardError(ModelZooError):
    """The card can't be read, or says something that a card can't."""


class WeightsError(ModelZooError):
    """The weights are missing, or not the ones that the card names."""


@dataclass(frozen=True, slots=True)
class Model:
    """A checked card and the folder that it lies in."""

    card: ModelCard
    folder: Path


def find_models() -> dict[str, Path]:
    """Returns the folders of the models that are installed with the product, by name."""
    return {card.parent.name: card.parent for card in sorted(Path(__file__).parent.glob(f"*/{CARD_FILE}"))}


def load_model(name_or_path: str | Path) -> Model:
    """Returns an installed model by its name, or the model in a folder given as a path (with a ``/`` in it).

    Raises: ModelNotFoundError: If there is none. CardError: If its card is not valid.
    """
    folder = _folder_of(name_or_path)
    card_file = folder / CARD_FILE
    try:
        text = card_file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"expected a model folder with {CARD_FILE}, found none at {folder}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"{card_file} can't be read: {error}") from error
    return Model(card=_checked(text, card_file), folder=folder)


def load_card(name_or_path: str | Path) -> ModelCard:
    """Returns the card of :func:`load_model`; raises the same."""
    return load_model(name_or_path).card


def load_weights(model: Model) -> bytes:
    """Returns the bytes of the weights, read once: what was checked is what the caller compiles.

    Raises: WeightsError: If the file is missing or its sha256 is not the card's.
    """
    expected = model.card.weights
    path = model.folder / expected.file
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights of model {model.card.name!r} can't be read at {path}: {error.strerror}") from error
    got = hashlib.sha256(weights).hexdigest()
    if got != expected.sha256:
        raise WeightsError(
            f"weights of model {model.card.name!r} are not those of its card: expected sha256 {expected.sha256} "
            f"({expected.size_bytes} bytes), got {got} ({len(weights)} bytes)"
        )
    return weights


def _folder_of(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, Path) or "/" in name_or_path:
        return Path(name_or_path)
    installed = find_models()
    if name_or_path not in installed:
        known = ", ".join(installed) or "none"
        raise ModelNotFoundError(
            f"no model named {name_or_path!r}; installed: {known} (a model elsewhere is given by its folder's path)"
        )
    return installed[name_or_path]


def _checked(text: str, card_file: Path) -> ModelCard:
    try:
        return ModelCard.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise CardError(f"{card_file} is not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'card'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise CardError(f"{card_file} is not a valid card: {problems}") from error
