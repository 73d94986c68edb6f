"""ncnn: its runner, the trial of unknown nets, conversion by pnnx, and in `files` its file formats."""
