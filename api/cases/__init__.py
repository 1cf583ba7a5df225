"""What a case is to who reads it: states, scope, lists, search, one case with all that is in it."""
