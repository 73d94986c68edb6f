"""The markers of tests in Python, as typed functions; `marked` reads what they say of a test.

A wrong argument must fail the test that carries it, not the import of its module: so nothing is checked here, and
positional arguments, which a type checker refuses, are handed on at run time.
"""

from __future__ import annotations

from typing import NoReturn

import pytest

MARKERS = {
    "quant": "quant: an accuracy case of a quantized model; added by pytest-quant, for use with -m",
    "quant_model": "quant_model(*names): run the test for these models of the zoo (without it: for every model)",
    "quant_tolerance": "quant_tolerance(**metrics): largest allowed drop fp32 - int8, in the metric's own unit or '1%'",
    "quant_floor": "quant_floor(**metrics): least allowed int8 value, in the metric's own unit",
    "quant_require": "quant_require(**conditions): conditions of the evaluation that must hold, as flip_test=False",
}

LIMIT_MARKERS = ("quant_tolerance", "quant_floor", "quant_require")
USER_MARKERS = ("quant_model", *LIMIT_MARKERS)


def quant_model(*names: str) -> pytest.MarkDecorator:
    """Run the test once for each of these models of the zoo.

    >>> quant_model("resnet18-cifar10", "mobilenet-v2").args
    ('resnet18-cifar10', 'mobilenet-v2')
    """
    return pytest.mark.quant_model(*names)


def quant_tolerance(*unexpected: NoReturn, **metrics: float | str) -> pytest.MarkDecorator:
    """Fail the test when int8 is worse than fp32 by more than this.

    Metric name to the largest allowed drop fp32 - int8: a number in the metric's own unit (points for top1 and top5, a
    fraction for hmean and AP), or a string such as ``"1%"`` for a drop relative to the fp32 value.

    >>> quant_tolerance(top1=1.0).kwargs
    {'top1': 1.0}
    """
    return pytest.mark.quant_tolerance(*unexpected, **metrics)


def quant_floor(*unexpected: NoReturn, **metrics: float) -> pytest.MarkDecorator:
    """Fail the test when the int8 value is below this: metric name to a value in the metric's own unit.

    >>> quant_floor(top1=94.0).kwargs
    {'top1': 94.0}
    """
    return pytest.mark.quant_floor(*unexpected, **metrics)


def quant_require(*unexpected: NoReturn, **conditions: object) -> pytest.MarkDecorator:
    """Fail the test when the evaluation was made under other conditions.

    >>> quant_require(flip_test=False).kwargs
    {'flip_test': False}
    """
    return pytest.mark.quant_require(*unexpected, **conditions)
