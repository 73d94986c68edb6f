"""The only place that decides: a limit and what was measured give a verdict, with the formula and its values."""

from pytest_quant.gate.files import judge_int8, judge_table
from pytest_quant.gate.metrics import (
    EarlyStop,
    early_stop,
    judge,
    judge_baseline,
    judge_parity,
    judge_requirement,
)
from pytest_quant.gate.remarks import refuse_overlap, remarks

__all__ = [
    "EarlyStop",
    "early_stop",
    "judge",
    "judge_baseline",
    "judge_int8",
    "judge_parity",
    "judge_requirement",
    "judge_table",
    "refuse_overlap",
    "remarks",
]
