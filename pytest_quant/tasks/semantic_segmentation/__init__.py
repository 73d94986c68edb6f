"""Semantic segmentation: a class for each pixel, mean intersection over union."""
