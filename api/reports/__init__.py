"""From reports to cases: which case a report belongs to, and what it changes."""
