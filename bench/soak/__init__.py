"""An edge with one camera that fails in every way, again and again, beside others that are well."""
