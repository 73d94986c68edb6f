"""From other model formats to ncnn files."""
