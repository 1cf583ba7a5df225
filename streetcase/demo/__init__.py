"""The demonstration: one command that shows a street, an edge and a centre on this machine."""
