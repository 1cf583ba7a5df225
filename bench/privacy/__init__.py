"""What of people is left in a stored picture."""
