"""``identical``: fp32 and int8 give the same outputs to the last bit, so one of them is not what it says."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.evaluation.agreement import AGREEMENT_SAMPLES
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look


def find_identical(look: Look) -> Iterator[Finding]:
    """An error; the raw outputs are compared where the predictions of all samples are equal."""
    fp32, int8 = (look.packed[net] for net in ("fp32", "int8"))
    pipelines = look.on_samples.pipelines
    if fp32 != int8 or pipelines["fp32"] is not pipelines["int8"]:  # else they take different inputs
        return
    raw = look.subject.bench.agreement(look.model, "fp32", "int8", look.samples[:AGREEMENT_SAMPLES])
    if raw.worst[1] < float("inf"):
        return
    yield Finding(
        "identical",
        "error",
        f"fp32 and int8 give the same outputs for all {len(look.samples)} samples, to the last bit",
        "quantization changes outputs: do both entries name the same net, or does nothing read the quantized layers?",
    )
