"""What a run is at, while it is at it: a live line for each running model on a terminal, plain lines in a log."""
