"""Composes clips of which everything is known, and scores what the edge raises from them."""
