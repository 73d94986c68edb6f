"""Accuracy-regression tests for quantized models, as a pytest plugin.

fp32 and int8 are measured on the same samples, and each limit on the drop between them is a test case. The marker
functions here are for tests in Python; zoo files need no code. `function_task` makes a task of a user's functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_quant.extending.function_task import function_task
    from pytest_quant.plugin.markers import quant_floor, quant_model, quant_require, quant_tolerance

__version__ = "0.1.0"

__all__ = ["__version__", "function_task", "quant_floor", "quant_model", "quant_require", "quant_tolerance"]


_MARKERS = frozenset({"quant_floor", "quant_model", "quant_require", "quant_tolerance"})


def __getattr__(name: str) -> Any:
    """Import what takes long when it is asked for: pytest imports this package in every run.

    The markers bring pytest, which a process that only runs nets does without.
    """
    if name == "function_task":
        from pytest_quant.extending.function_task import function_task

        return function_task
    if name in _MARKERS:
        from pytest_quant.plugin import markers

        return getattr(markers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
