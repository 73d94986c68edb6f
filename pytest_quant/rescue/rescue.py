"""Repair of an int8 net: the fewest layers to leave in float, and how to calibrate, so that it meets its tolerance.

Searched on samples that are not the evaluation set (`pytest_quant.rescue.search_set`); the evaluation set is run
once, at the end, to report. The repaired net and its table are written, and its cost in size and speed is measured.

    from pytest_quant.rescue.rescue import rescue

    found = rescue(model, bench, Path("calibration"), out=Path("quant-rescue"))
    print(found.keep_float, found.files)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from pytest_quant.diagnosis.diagnose import diagnose
from pytest_quant.evaluation.alive import run_folder
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_task
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files.facts import ROW_LAYERS
from pytest_quant.nets.ncnn.files.grouped import with_garbled
from pytest_quant.nets.ncnn.files.macs import multiply_accumulates
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.table import write_table
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files, require_ncnn
from pytest_quant.quantize.calibration import Calibration
from pytest_quant.quantize.from_images import gather_model
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.rescue.costs import Costs, measure_costs
from pytest_quant.rescue.search import Recipe, RescueSearch, SearchResult, Trial
from pytest_quant.rescue.search_set import SearchSet, open_search_set
from pytest_quant.rescue.trials import Loss, Trials
from pytest_quant.spec.calibration import CalibrationMethod
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import shown
from pytest_quant.spec.verdict import Verdict

LEAST_INT8_SHARE = 0.6
"""Share of the multiply-accumulates that a repaired net keeps in int8."""

_METHODS: tuple[CalibrationMethod, ...] = ("kl", "mse", "percentile", "aciq", "minmax")
_RANKED_SAMPLES = 8

Say = Callable[[str], None]
"""Is told what the search is at, in words."""


@dataclass(frozen=True)
class Evaluated:
    """One metric of the repaired net on the evaluation set, in the metric's own unit."""

    metric: str
    fp32: float
    int8: float
    drop: float
    verdict: Verdict


@dataclass(frozen=True)
class Rescue:
    """What a rescue came to."""

    model: str
    found: Trial | None
    """The recipe that is good enough; None: there was none, and ``best`` is as near as it came."""
    best: Trial
    trials: int
    """How many nets were made and measured."""
    samples: int
    """How many samples were searched on."""
    labelled: bool
    also_evaluated: tuple[str, ...]
    """Samples that were left out because the model is evaluated on them."""
    deciding: str
    """What decided a trial, in words."""
    before: tuple[Loss, ...]
    """What the given int8 net loses on the search samples, by metric."""
    after: tuple[Loss, ...]
    """The same of the best net."""
    files: NcnnFiles | None = None
    """The repaired net, where one was found."""
    table: Path | None = None
    """Its table: float layers are not in it."""
    evaluated: tuple[Evaluated, ...] = ()
    """The repaired net on the evaluation set, by metric."""
    costs: Costs | None = None

    @property
    def keep_float(self) -> tuple[str, ...]:
        """The layers that stay float, in alphabetical order."""
        return () if self.found is None else tuple(sorted(self.found.recipe.keep_float))

    @property
    def meets(self) -> bool:
        """Whether there is a repaired net that meets its tolerances on the evaluation set, too."""
        return self.files is not None and all(metric.verdict.decision == "pass" for metric in self.evaluated)


def rescue(
    model: ModelSpec,
    bench: Workbench,
    source: DatasetSpec | Path,
    *,
    out: Path,
    samples: int | None = None,
    confidence: float = 0.95,
    least_int8_share: float = LEAST_INT8_SHARE,
    say: Say | None = None,
) -> Rescue:
    """Look for a repair of a model, write it and measure it.

    Args:
        model: a model with a tolerance.
        bench: where its evaluation set and the cores come from.
        source: what to search on and to calibrate with: a labelled dataset of the model's task, else a folder or list
            of images, for which the fp32 outputs are the reference.
        out: a folder for the repaired net; made when there is something to write.
        samples: at most so many of the source, chosen at random in the same way on every machine.
        confidence: of the bounds that decide where there are labels.
        least_int8_share: share of the multiply-accumulates that must stay in int8.
        say: told what is being done.

    Raises:
        ConfigError: the model has no tolerance, or ``out`` cannot be written to.
        DatasetError: there is nothing to search on that is not evaluated.
        DatasetMissingError: the source or the evaluation set is not on this machine.
        ModelFileError: the fp32 files are damaged.

    """
    tell = say or (lambda text: None)
    if model.input.arrays:
        raise ConfigError(f"{model.name}: a repair is searched on images, and this model is fed arrays")
    rules = tuple(limit for limit in model.limits if isinstance(limit, Tolerance))
    if not rules:
        raise ConfigError(f"{model.name} has no tolerance, so there is nothing for a rescue to meet")
    require_ncnn(model, "a rescue")
    _check_writable(out)
    model = bench.built(model)
    search = open_search_set(model, bench, source, samples)
    tell(f"calibrating on {search.count} samples")
    calibration = gather_model(model, search.dataset, engine=bench.engine, trials=bench.resources.trials)
    with run_folder("rescue-") as folder:
        trials = Trials(model, bench, search, calibration, rules, folder=Path(folder), confidence=confidence)
        outcome = _search(model, trials, calibration, search, least_int8_share, tell)
        rescued = _described(model, outcome, trials, search)
        if outcome.found is None:
            return rescued
        return _written(rescued, outcome.found.recipe, model, bench, trials, search, out, confidence, tell)


def _check_writable(folder: Path) -> None:
    """Raise `ConfigError` where the repaired net could not be written: better now than after the search."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        state = "is not a folder" if not there.is_dir() else "cannot be written to"
        raise ConfigError(f"the repaired net is to be written to {shown(folder)}, but {shown(there)} {state}")


def _search(
    model: ModelSpec, trials: Trials, calibration: Calibration, search: SearchSet, least: float, tell: Say
) -> SearchResult:
    macs = layer_macs(model, calibration, input_of(model, search))
    total = sum(macs.values())
    quantizable = calibration.blob_by_layer

    def share(keep_float: frozenset[str]) -> float:
        return sum(count for layer, count in macs.items() if layer in quantizable and layer not in keep_float) / total

    def attempt(recipe: Recipe) -> Trial:
        trial = trials.measure(recipe, share(recipe.keep_float))
        tell(f"{describe(recipe)}: {', '.join(map(describe_loss, trials.losses[recipe]))}")
        return trial

    def rank(recipe: Recipe) -> list[str]:
        tell(f"ranking the layers of {describe(recipe)}")
        variant, scratch = trials.on_search_samples(recipe)
        return [error.layer for error in diagnose(variant, scratch, samples=min(_RANKED_SAMPLES, search.count)).worst]

    bases = trials.distinct(Recipe(method, bits) for method, bits in product(_METHODS, (False, True)))
    return RescueSearch(
        attempt,
        rank,
        share,
        least_int8_share=least,
        complete=lambda keep_float: with_garbled(calibration.param, quantizable, keep_float),
    ).run(bases)


def _described(model: ModelSpec, outcome: SearchResult, trials: Trials, search: SearchSet) -> Rescue:
    best = outcome.found or outcome.best
    return Rescue(
        model=model.name,
        found=outcome.found,
        best=best,
        trials=len(outcome.trials),
        samples=search.count,
        labelled=search.labelled,
        also_evaluated=search.also_evaluated,
        deciding=trials.deciding,
        before=trials.given(model.nets["int8"]),
        after=trials.losses[best.recipe],
    )


def _written(
    rescued: Rescue,
    recipe: Recipe,
    model: ModelSpec,
    bench: Workbench,
    trials: Trials,
    search: SearchSet,
    out: Path,
    confidence: float,
    tell: Say,
) -> Rescue:
    """Write the net, run it on the evaluation set, and measure what it costs."""
    out.mkdir(parents=True, exist_ok=True)
    table = out / f"{model.name}.table"
    files = NcnnFiles(param=out / f"{model.name}-int8.param", bin=out / f"{model.name}-int8.bin", table=table)
    fp32 = ncnn_files(model, "fp32")
    write_table(trials.table(recipe), table)
    quantize_model(fp32.param, fp32.bin, table, files.param, files.bin)
    tell(f"measuring the repaired net, {shown(files.param)}, on the evaluation set")
    repaired = model.with_net("int8", files.net())
    return replace(
        rescued,
        files=files,
        table=table,
        evaluated=tuple(_evaluated(bench.measure(repaired), confidence)),
        costs=measure_costs(model, files, input_of(model, search), bench.cores),
    )


def _evaluated(measurement: Measurement, confidence: float) -> Iterator[Evaluated]:
    for limit in measurement.model.limits:
        if isinstance(limit, Tolerance):
            pair = measurement.comparison.metrics[limit.metric.name]
            verdict = limit.of_measured(measurement, confidence)
            yield Evaluated(limit.metric.name, pair.fp32, pair.int8, pair.drop, verdict)


def input_of(model: ModelSpec, search: SearchSet) -> Array:
    """The first input that the search samples make; an image without a person makes none."""
    task = get_task(model.task)
    pipeline = task.pipeline(model)
    for sample in search.dataset.samples:
        tensor = first_input(pipeline, pipeline.prepare(search.dataset.read(sample, orient=task.orient), sample))
        if tensor is not None:
            found: Array = tensor
            return found
    raise DatasetError(f"{model.name}: none of the {search.count} samples to search on makes an input of the net")


def layer_macs(model: ModelSpec, calibration: Calibration, tensor: Array) -> Mapping[str, int]:
    """Multiply-accumulates of the layers of the fp32 net that have any, for one input."""
    files = ncnn_files(model, "fp32")
    param = read_param(files.param)
    layers = [layer for layer in param.layers if layer.type not in ROW_LAYERS]
    blobs = {blob for layer in layers for blob in (*layer.bottoms, *layer.tops)}
    extractor = BlobExtractor(files.param, files.bin, runtime=model.runtime)
    shapes: dict[str, Sequence[int]] = {blob: array.shape for blob, array in extractor(tensor, sorted(blobs))}
    extractor.close()
    counts = {
        layer.name: multiply_accumulates(
            layer, [shapes[blob] for blob in layer.bottoms], [shapes[blob] for blob in layer.tops]
        )
        for layer in layers
    }
    found = {name: count for name, count in counts.items() if count}
    missing = [layer for layer in calibration.blob_by_layer if layer not in found]
    if missing:
        raise ConfigError(f"{param.path}: the multiply-accumulates of layer {missing[0]!r} cannot be counted")
    return found


def describe(recipe: Recipe) -> str:
    """A recipe in words.

    >>> describe(Recipe("kl", True, frozenset({"conv1"})))
    'kl, 8-bit weights, 1 layer float'
    """
    count = len(recipe.keep_float)
    layers = f", {count} layer{'s' if count > 1 else ''} float" if count else ""
    return f"{recipe.method}{', 8-bit weights' if recipe.eight_bit else ''}{layers}"


def describe_loss(loss: Loss) -> str:
    """A loss in words: what decides it, against what is allowed."""
    say = loss.metric.difference
    parts = [] if loss.drop is None else [f"drop {say(loss.drop)}"]
    if loss.reference_loss is not None:
        parts.append(f"loses {say(loss.reference_loss)} against fp32")
    if loss.bound is not None:
        parts.append(f"at most {say(loss.bound)} on new samples")
    return f"{loss.metric.name} {', '.join(parts)}; allowed {say(loss.allowed)}"
