"""``streetcase model``: what is in the zoo, and whether its weights are the ones that the cards name."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streetcase.told import UserError, print_json, told

model_app = typer.Typer(no_args_is_help=True, help="The model zoo. A model is a folder in models/ with a card.")

ModelName = Annotated[str, typer.Argument(help="Name of an installed model, or the path of a model's folder.")]


@model_app.command("list")
def list_models() -> None:
    """List the installed models."""
    with told():
        from models.zoo import ModelZooError, find_models, load_card

        table = Table("model", "task", "labels", "input", "licence")
        with told(ModelZooError):
            for name in sorted(find_models()):
                card = load_card(name)
                size = f"{card.input.width}x{card.input.height}"
                table.add_row(name, card.task, str(len(card.labels)), size, card.licence)
        Console().print(table)


@model_app.command()
def show(name: ModelName) -> None:
    """Print a model's card as JSON."""
    with told():
        from models.zoo import ModelZooError, load_card

        with told(ModelZooError):
            print_json(load_card(name).model_dump(mode="json"))


@model_app.command()
def verify(name: Annotated[str | None, typer.Argument(help="Model; all of them when left out.")] = None) -> None:
    """Check weights against the sha256 of their cards; exits with 2 when one differs."""
    with told():
        from models.zoo import ModelZooError, find_models, load_model, load_weights

        names = [name] if name is not None else sorted(find_models())
        if not names:
            raise UserError("no model is installed")
        with told(ModelZooError):
            for one in names:
                size_bytes = len(load_weights(load_model(one)))
                typer.echo(f"{one}: good, {size_bytes} bytes as the card says")
