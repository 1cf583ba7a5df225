"""What the API does without being asked, again and again, in one process of all at a time."""
