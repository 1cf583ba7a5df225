"""Keeps what happened until the centre has it, in SQLite and files, within a share of the disk."""
