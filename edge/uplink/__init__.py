"""Sends what the outbox holds to the gateway, always outward."""
