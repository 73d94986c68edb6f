"""From a float network to an int8 one: calibration, thresholds, weights."""
