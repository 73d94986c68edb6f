"""The columns of the table of a run, by the names that ``--quant-columns`` takes."""

from __future__ import annotations

TITLES = {
    **{name: name for name in ("model", "dataset", "metric", "onnx", "fp32", "int8", "drop")},
    "ci": "CI of drop",
    "limit": "limit",
    "n": "n of N",
    **{name: name for name in ("flips", "runtime", "verdict")},
}
"""Name to title, in the order in which tables have them."""
