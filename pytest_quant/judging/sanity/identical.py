"""``identical``: two nets give the same outputs to the last bit, so one of them is not what it says."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.evaluation.agreement import AGREEMENT_SAMPLES
from pytest_quant.extending.known import get_format
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.net import SIDES, Net


def find_identical(look: Look) -> Iterator[Finding]:
    """An error; the raw outputs are compared where the predictions of all samples are equal."""
    for net in look.packed:
        if net != "fp32" and not _is_another_float(look, net) and _is_fp32(look, net):
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


def _is_another_float(look: Look, net: Net) -> bool:
    """Whether a further net is meant to be float, such as fp32 in another runtime or another layout: other files."""
    if net in SIDES:
        return False
    formats = {name: look.model.nets[name].format for name in ("fp32", net)}
    files = [_digests(look, name) for name in formats]
    if len(set(formats.values())) == 1 and files[0] == files[1]:
        return False
    facts = get_format(formats[net]).inspect(look.model.net(net))
    return bool(facts.quantizable) and not facts.quantized


def _digests(look: Look, net: Net) -> list[str]:
    names = (f"{net}{part}" for part in get_format(look.model.nets[net].format).files(look.model.net(net)))
    return [look.measurement.file_sha256[name] for name in names]
