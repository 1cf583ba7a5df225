"""Stands in for torchvision beside a CPU build of torch, for training and benches only."""

from . import ops

__version__ = "0.28.0+stub"
__all__ = ["ops"]
