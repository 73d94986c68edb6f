"""Evidence: intervals, the sequential test and the bootstrap; arrays in, numbers out.

Usable without pytest, on arrays of per-sample outcomes in the seeded order. Everything is a fraction unless a
function says otherwise, and every confidence is one-sided: two bounds at 0.95 make a 90 % interval.

>>> import numpy as np
>>> fp32_right = np.arange(4000) >= 900
>>> int8_right = fp32_right & (np.arange(4000) % 500 != 0)
>>> interval = paired_drop_interval(fp32_right, int8_right, population=50000, confidence=0.95)
>>> f"drop {fp32_right.mean() - int8_right.mean():.4f}, 90 % interval {interval.low:.4f} to {interval.high:.4f}"
'drop 0.0015, 90 % interval 0.0006 to 0.0029'
"""

from pytest_quant.evidence.bootstrap import bootstrap_drop_interval, bootstrap_score_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.paired import PairedCounts, paired_counts_interval, paired_drop_interval
from pytest_quant.evidence.planning import provable_drop, samples_to_prove, samples_to_settle
from pytest_quant.evidence.proportion import accuracy_interval
from pytest_quant.evidence.sequential import (
    Outcomes,
    SequentialTest,
    confidence_sequence,
    drop_outcomes,
    sequential_decision,
)

__all__ = [
    "Interval",
    "Outcomes",
    "PairedCounts",
    "SequentialTest",
    "accuracy_interval",
    "bootstrap_drop_interval",
    "bootstrap_score_interval",
    "confidence_sequence",
    "drop_outcomes",
    "paired_counts_interval",
    "paired_drop_interval",
    "provable_drop",
    "samples_to_prove",
    "samples_to_settle",
    "sequential_decision",
]
