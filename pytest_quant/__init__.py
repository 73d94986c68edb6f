"""Accuracy-regression tests for quantized models, as a pytest plugin.

fp32 and int8 are measured on the same samples, and each limit on the drop between them is a test case. The marker
functions here are for tests in Python; zoo files need no code.
"""

from __future__ import annotations

from pytest_quant.plugin.markers import quant_floor, quant_model, quant_require, quant_tolerance

__version__ = "0.1.0"

__all__ = ["__version__", "quant_floor", "quant_model", "quant_require", "quant_tolerance"]
