"""The tasks: one folder each, with preprocessing, decoding and metrics; `extending` finds them by name."""
