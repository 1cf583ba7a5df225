"""The edge's YAML file: read with line numbers, checked whole."""
