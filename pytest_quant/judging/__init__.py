"""The only place that decides: a limit and what was measured give a verdict, with the formula and its values."""
