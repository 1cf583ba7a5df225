"""From a frame or a reading to findings."""
