"""The command line and the all-in-one supervisor; composes the rooms and holds no logic of theirs."""
