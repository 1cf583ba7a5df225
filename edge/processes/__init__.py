"""Which process does what, who watches whom, and what happens when one dies."""
