"""Which layer loses how much: fp32 and int8 side by side, blob by blob."""
