"""Reads cameras and sensors, keeps what stays, sends events."""
