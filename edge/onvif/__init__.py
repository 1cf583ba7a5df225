"""Asks cameras by ONVIF: which are on the network, what they send, and for a keyframe."""
