"""Reads camera streams: one thread each, typed faults, a frame whenever a look is due."""
