"""How the weights of the zoo were made: one runnable recipe per model."""
