"""A net's first contact with its runtime, in a child process that may die of it."""
