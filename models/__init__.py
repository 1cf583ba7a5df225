"""The model zoo: cards, weights, training and evaluation."""
