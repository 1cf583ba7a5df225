"""What is done to a case, by people, by time, by what a camera sees again: states, clocks, refusals."""
