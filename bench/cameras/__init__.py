"""Measures what a camera costs, beside bare decoding and beside ultralytics."""
