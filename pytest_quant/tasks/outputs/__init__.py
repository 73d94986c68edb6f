"""Raw outputs: int8 held against fp32 without a decoder."""
