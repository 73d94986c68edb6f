"""Image classification: one output blob of class scores, top-1 and top-5 accuracy."""
