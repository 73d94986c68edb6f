"""Evaluation: which samples, on which cores, computed once and kept."""
