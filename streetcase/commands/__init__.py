"""One file of commands for each room."""
