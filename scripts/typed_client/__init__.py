"""Writes the typed Python client for integrators from the API's own description."""
