"""Scripts that measure; run them from the repository root, those that import others with ``python -m``."""
