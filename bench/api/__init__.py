"""Measures the case API at a million cases, beside a hand-written route with the same key check and SQL."""
