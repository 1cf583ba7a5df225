"""What a case is: how reports become one, and what people may do with it."""
