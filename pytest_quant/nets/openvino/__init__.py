"""OpenVINO: what its IR files say without being run, and what runs them and ONNX files."""
