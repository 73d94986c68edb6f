"""Which layer broke an int8 net: the error of every layer, against the float net, over a few samples.

Three numbers per layer. *accumulated*: both nets run from the input, blob against blob. *own*: the layer alone, the
int8 layer fed what the float net has at its inputs. *output*: what that own error does to the net's output, when every
other layer stays float. Quantized layers are ranked by the last of them, see `Diagnosis.worst`.

    from pytest_quant.diagnosis.diagnose import diagnose

    found = diagnose(model, bench, samples=8)
    print([(error.layer, error.own_sqnr_db) for error in found.worst[:3]])
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from pytest_quant.diagnosis.diagnosable import prepared, require_diagnosable
from pytest_quant.diagnosis.probing import ComparedLayer, InputSums, LayerSums, Nets, Probe
from pytest_quant.diagnosis.sample_inputs import sample_inputs
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.work import Collected, Job, Note, WorkerPool
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.evidence.likeness import NOTHING, Likeness
from pytest_quant.nets.base import check_input
from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

DEFAULT_SAMPLES = 8

_OUTPUT_MACS = 240e9
"""Work that may go into the output errors, in multiply-accumulates: some seconds of a core."""
_LEAST_OUTPUT_SAMPLES = 2
"""How many samples they are over whatever they cost: one image may be an odd one."""

STAGE = "layers"
"""How the engine's events name a diagnosis."""

InputTensors = Mapping[str, Given]
"""Preprocessed inputs, float32 (channels, height, width), by the id that the diagnosis names them by."""


@dataclass(frozen=True)
class LayerError:
    """The error of one layer.

    An SQNR is in dB: inf where nothing differs, -inf where there is noise but no signal, NaN where values are not
    finite; `pytest_quant.evidence.likeness.sqnr_note` has the words for these.
    """

    layer: str
    type: str
    blob: str
    """Its first output."""
    quantized: bool
    """Whether it computes in int8."""
    accumulated_sqnr_db: float
    accumulated_cosine: float
    own_sqnr_db: float
    own_cosine: float
    output_sqnr_db: float | None
    """SQNR of the net's outputs when this layer alone is int8; None for a float layer."""
    output_share: float | None
    """The noise behind it, as a share of the int8 net's noise at its outputs; the shares need not sum to 1."""
    macs: int | None
    """Multiply-accumulates of one forward pass; None for a layer type that is not counted."""


@dataclass(frozen=True)
class Diagnosis:
    """The errors of all layers of a model."""

    model: str
    samples: tuple[str, ...]
    """Ids of the samples that were run."""
    output_samples: int
    """How many of them, from the first on, the output errors are over: a large net takes fewer."""
    seed: int
    layers: tuple[LayerError, ...]
    """In file order, without inputs and copies."""
    output_sqnr_db: float
    """SQNR of the outputs of the int8 net."""
    unmatched: tuple[str, ...] = ()
    """Layers of the int8 net that the float net lacks: nothing is known of them."""

    @cached_property
    def worst(self) -> tuple[LayerError, ...]:
        """The quantized layers, first the one whose error alone does most harm to the net's output.

        A layer's own SQNR says how wrong its values are, not how much of that anybody sees: the output error does,
        and it is what there is to gain by leaving that layer in float. Equal ones are ordered by their own SQNR.
        """
        return tuple(sorted((error for error in self.layers if error.quantized), key=_rank))


def _rank(error: LayerError) -> tuple[float, float]:
    return _or_worst(error.output_sqnr_db), _or_worst(error.own_sqnr_db)


def _or_worst(sqnr_db: float | None) -> float:
    """Values that are not finite are worse than any noise."""
    return -math.inf if sqnr_db is None or math.isnan(sqnr_db) else sqnr_db


def diagnose(
    model: ModelSpec,
    bench: Workbench,
    samples: int = DEFAULT_SAMPLES,
    *,
    net: Net = "int8",
    inputs: InputTensors | None = None,
    limit_s: float | None = None,
) -> Diagnosis:
    """Compare the two nets of a model layer by layer.

    Args:
        model: the model; its int8 net must keep the names of the float one, as ncnn2int8 and onnxruntime's quantizer
            do.
        bench: where its dataset and the engine come from.
        samples: how many samples to run: the first ones of the seeded order, without their labels. Of a sample that
            the net sees in parts (the persons in an image) the first one is run.
        net: its int8 net, or a further one, which is held against the float net of the same runtime.
        inputs: what to run in the place of the dataset's samples, all of them.
        limit_s: about how long it may take, in seconds: a slow net gets fewer samples, one at least, and is ranked by
            the layers' own errors where the output errors of a single sample would take longer; None: no limit.

    Raises:
        QuantError: no diagnosis is for nets of that runtime, the dataset is missing, a file is damaged, an input is
            not an input of the net, or the layers of the nets cannot be told apart.

    """
    require_diagnosable(model, net)
    model = bench.built(model)
    if inputs is None:
        inputs = sample_inputs(model, bench, samples)
    if not inputs:
        raise QuantError(f"{model.name}: diagnosis takes one sample or more, found none")
    for name, given in inputs.items():
        if not model.input.arrays:
            check_input(f"{model.name}, {name}", given, channels=model.input.channels, size=None)
    with prepared(model, net) as nets:
        layers, unmatched = nets.layers, nets.unmatched
        found = _measure(model.name, nets, inputs, bench.engine, limit_s)
    whole = sum((one.whole for one in found.sums), NOTHING)
    whole_output = sum((one.whole for one in found.sums[: found.output_samples]), NOTHING)
    sums = [sum(parts, LayerSums()) for parts in zip(*(one.layers for one in found.sums), strict=True)]
    return Diagnosis(
        model=model.name,
        samples=tuple(inputs)[: len(found.sums)],
        output_samples=found.output_samples,
        seed=bench.sampling.seed,
        layers=tuple(
            _layer_error(layer, errors, count, whole_output if found.output_samples else None)
            for layer, errors, count in zip(layers, sums, found.macs, strict=True)
        ),
        output_sqnr_db=whole.sqnr_db,
        unmatched=unmatched,
    )


def _layer_error(layer: ComparedLayer, sums: LayerSums, macs: int | None, whole: Likeness | None) -> LayerError:
    """``whole``: the noise of the int8 net at its outputs; None: no output errors were measured."""
    output = sums.output if layer.is_quantized and whole is not None else None
    share = output.noise / whole.noise if output is not None and whole is not None and whole.noise > 0 else None
    return LayerError(
        layer=layer.name,
        type=layer.type,
        blob=layer.blob,
        quantized=layer.is_quantized,
        accumulated_sqnr_db=sums.accumulated.sqnr_db,
        accumulated_cosine=sums.accumulated.cosine,
        own_sqnr_db=sums.own.sqnr_db,
        own_cosine=sums.own.cosine,
        output_sqnr_db=None if output is None else output.sqnr_db,
        output_share=share if share is not None and math.isfinite(share) else None,
        macs=macs,
    )


def _output_samples(macs: Sequence[int | None], layers: Sequence[ComparedLayer], samples: int) -> int:
    """How many samples the output errors are over. On average half of a net lies behind a layer."""
    quantized = sum(layer.is_quantized for layer in layers)
    per_sample = sum(count or 0 for count in macs) * quantized / 2
    return min(samples, max(_LEAST_OUTPUT_SAMPLES, int(_OUTPUT_MACS / max(per_sample, 1))))


@dataclass(frozen=True)
class _InputShard:
    """One input; ``outputs``: measure what each layer alone does to the net's outputs, too."""

    index: int
    what: str
    given: Given
    outputs: bool

    sample_count = 1


@dataclass(frozen=True)
class _LayerWork:
    """Inputs to the errors of all layers."""

    nets: Nets

    def open(self) -> _LayerWorker:
        return _LayerWorker(self.nets.open())


class _LayerWorker:
    """The nets of one thread."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    def run(self, shard: _InputShard, note: Note) -> InputSums:
        note(f"sample {shard.what}, layer by layer")
        return self.probe.measure(shard.given, outputs=shard.outputs)

    def close(self) -> None:
        self.probe.close()


@dataclass(frozen=True)
class _Found:
    """What all inputs came to."""

    macs: tuple[int | None, ...]
    """Multiply-accumulates per layer."""
    sums: list[InputSums]
    """Of each input, in their order."""
    output_samples: int
    """How many of them have output errors."""


def _measure(name: str, nets: Nets, inputs: InputTensors, engine: Engine, limit_s: float | None) -> _Found:
    work, start = _LayerWork(nets), time.monotonic()
    with closing(WorkerPool(work)) as pool:
        with engine.cores.core(), pool.borrow() as worker:
            assert isinstance(worker, _LayerWorker)  # noqa: S101 - it opens no other
            macs = worker.probe.macs(next(iter(inputs.values())))
        count = _output_samples(macs, nets.layers, len(inputs))
        if limit_s is not None:
            count = min(count, _affordable(limit_s, time.monotonic() - start, nets.layers))
        shards = [_InputShard(i, what, given, i < count) for i, (what, given) in enumerate(inputs.items())]
        results: Collected[_InputShard, InputSums] = Collected()
        ends = None if limit_s is None else start + limit_s
        enough = None if ends is None else lambda _: time.monotonic() > ends
        engine.run(Job(name, STAGE, work, shards, results, samples=len(shards), enough=enough), pool)
    sums = results.in_order
    return _Found(macs, sums, min(count, len(sums)))


def _affordable(limit_s: float, pass_s: float, layers: Sequence[ComparedLayer]) -> int:
    """How many samples may get output errors: each takes a pass through half of the net for every quantized layer.

    ``pass_s``: how long one whole pass took.
    """
    quantized = sum(layer.is_quantized for layer in layers)
    return int(limit_s / max(pass_s * quantized / 2, 1e-9))
