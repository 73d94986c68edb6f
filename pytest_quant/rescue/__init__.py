"""The repair of an int8 net whose drop is too large: which layers stay float, which thresholds change."""
