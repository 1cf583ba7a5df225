"""Scripts that are run while the product is made, not by it."""
