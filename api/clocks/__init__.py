"""How long things may take: working calendars, the five units of limits, the clocks of a case's stages."""
