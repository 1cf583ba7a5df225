"""The way back to edges: what they watch, what is asked of them, how they are."""
