"""What analysts said, and what follows from it: whom to watch, whom to look at next, what to measure on."""
