"""``python -m streetcase`` is the command ``streetcase``."""

from streetcase.cli import app

if __name__ == "__main__":
    app(prog_name="streetcase")
