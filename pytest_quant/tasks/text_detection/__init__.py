"""Text detection: one output blob of maps, decoded to polygons with scores; hmean, precision and recall."""
