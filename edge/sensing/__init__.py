"""Listens to MQTT sensors and judges their readings."""
