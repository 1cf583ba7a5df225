"""How well it goes: the indicators, league tables and bulletins of periods."""
