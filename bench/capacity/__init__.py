"""How many cameras this machine looks at in time."""
