"""ONNX files: what they say without being run, and how they fit a zoo entry; the runtimes are in `runners`."""
