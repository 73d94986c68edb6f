"""Reports: data first, then writers."""
