"""Measures the product and says what was measured; figures go out as a table and one JSON object."""
