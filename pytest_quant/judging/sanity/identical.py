"""``identical``: two nets give the same outputs to the last bit, so one of them is not what it says."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.evaluation.agreement import AGREEMENT_SAMPLES
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.net import Net


def find_identical(look: Look) -> Iterator[Finding]:
    """An error; the raw outputs are compared where the predictions of all samples are equal."""
    for net in look.packed:
        if net != "fp32" and _is_fp32(look, net):
            yield Finding(
                "identical",
                "error",
                f"fp32 and {net} give the same outputs for all {len(look.answers[net])} samples, to the last bit",
                "quantization changes outputs: do both entries name the same net, or does nothing read the quantized "
                "layers?",
            )


def _is_fp32(look: Look, net: Net) -> bool:
    pipelines = look.on_samples.pipelines
    if look.packed["fp32"] != look.packed[net] or pipelines["fp32"] is not pipelines[net]:  # they take other inputs
        return False
    raw = look.subject.bench.agreement(look.model, "fp32", net, look.samples[:AGREEMENT_SAMPLES])
    return bool(raw.worst[1] == float("inf"))
