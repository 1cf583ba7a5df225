"""Kills every part of the product again and again, and counts what became of ten thousand events."""
