"""What people did, written in the transaction that it belongs to, and chained so that a later change shows."""
