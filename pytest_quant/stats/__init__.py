"""Evidence: intervals, the sequential test and the bootstrap; arrays in, numbers out."""
