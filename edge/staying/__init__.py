"""What stays in a zone and for how long, and the events that it makes."""
