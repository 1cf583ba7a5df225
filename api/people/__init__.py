"""Who may ask: people, their sessions, machines with keys."""
