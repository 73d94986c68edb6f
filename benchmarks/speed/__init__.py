"""Where the time of a run goes: ratios of one run each, a table and JSON. ``python -m benchmarks.speed --help``."""
