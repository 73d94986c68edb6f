"""Nets by format: their files, what these say without being run, and runners: arrays in, arrays out."""
