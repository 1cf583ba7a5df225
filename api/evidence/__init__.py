"""Where the bytes of evidence lie, how they are kept, and when they go."""
