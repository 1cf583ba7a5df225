"""Alembic's scripts: what each release changed in the tables."""
