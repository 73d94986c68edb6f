"""ONNX files: what they say without being run, how they fit a zoo entry, and what runs them."""
