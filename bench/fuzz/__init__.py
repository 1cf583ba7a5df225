"""Asks the whole API at random, as OpenAPI describes it, and checks each answer against it."""
