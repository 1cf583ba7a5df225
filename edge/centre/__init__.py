"""What the centre tells and asks this edge, and what the edge says of itself."""
