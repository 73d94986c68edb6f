"""What results of a model on some samples are kept under: everything that they can depend on."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Sequence
from dataclasses import replace

from pydantic import JsonValue

from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.without_labels import wants_agreement
from pytest_quant.extending.known import active
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

_ADDRESS = " at 0x"
"""In the words of an object that says nothing of its value."""


def result_key(
    found: ModelOnSamples, nets: Sequence[Net], used: int, *, agreement: bool = False
) -> list[JsonValue] | None:
    """The key of what is made of the predictions of some nets on the first ``used`` samples.

    It holds those predictions' own keys, the entry without its limits, and the samples' ids, contents and truths;
    ``agreement``: a limit that is not of the entry asks for it. None where that is not all: the code of a task or
    dataset that somebody else registered can change by itself; and where the model lacks one of the nets.
    """
    model = found.model
    if any(net not in found.keys for net in nets):
        return None
    formats = {model.nets[net].format for net in nets}
    foreign = [active().registered_by(task=model.task, dataset=model.dataset.type, net_format=name) for name in formats]
    entry = repr(_without_limits(model))
    if any(foreign) or _ADDRESS in entry:
        return None
    return [
        entry,
        os.getcwd(),  # findings and messages name files as they are seen from there
        {net: found.keys[net] for net in nets},
        dict(found.dataset_files),
        agreement or wants_agreement(model),
        found.samples_sha256(used),
        _truths(found, used),
    ]


def _without_limits(model: ModelSpec) -> ModelSpec:
    """The model without what only verdicts and reports depend on."""
    dataset = replace(model.dataset, waive=())
    plain = replace(model, dataset=dataset, limits=(), samples=None, xfail={}, notes=(), remarks=(), rescue=None)
    return replace(plain, config=None, config_conditions={})


def _truths(found: ModelOnSamples, used: int) -> str:
    """Of all that the ground truths hold: their words may leave something out."""
    return hashlib.sha256(pickle.dumps([sample.truth for sample in found.samples[:used]], protocol=4)).hexdigest()
