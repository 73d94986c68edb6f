"""From one part of an evaluation to what is carried of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_quant.datasets.base import Sample, names_of
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.evaluation.digests import sha256_file, sha256_json
from pytest_quant.evaluation.evaluate import Evaluation, evaluate
from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.parts.content import Content
from pytest_quant.evaluation.parts.plain import Carried
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.part import Part

SAMPLES = "samples"
CALIBRATION = "calibration"
PROBES = "probes"
_SMALL_BYTES = 65536


def predictions_name(net: Net) -> str:
    """The item that holds the predictions of a net."""
    return f"predictions of {net}"


def likeness_name(signal: Net, other: Net) -> str:
    """The item that holds how like the raw outputs of two nets are."""
    return f"outputs of {other} against {signal}"


def dataset_content(bench: Workbench, model: ModelSpec, part: Part) -> Content:
    """Every N-th sample of a model's dataset, evaluated or not, with its truth; no pixels."""
    dataset = bench.dataset(model.dataset)
    order = seeded_order([sample.id for sample in dataset.samples], bench.sampling.seed)
    places = part.of_samples(order)
    samples = [dataset.samples[place] for place in places]
    digests = {"zoo file": sha256_file(model.dataset.zoo), "dataset": _dataset_digest(dataset.samples)}
    carried = {
        "total": len(order),
        "places": places,
        "ids": [one.id for one in samples],
        "truths": [one.truth for one in samples],
        "extras": [one.extra for one in samples] if any(one.extra for one in samples) else None,
        "rows": [_row(one) for one in samples] if any(_row(one) is not None for one in samples) else None,
        "class_names": names_of(dataset),
        "ranks_folders": isinstance(dataset, ImageFiles) and dataset.ranks_folders,
    }
    return Content.of(digests, {SAMPLES: carried})


def _small_files(options: object) -> dict[str, bytes]:
    """The contents of what the keys of a dataset name and a task may read, such as the names of classes."""
    paths = {name: path for name, path in vars(options).items() if isinstance(path, Path) and path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if path.stat().st_size <= _SMALL_BYTES}


def _row(sample: Sample) -> int | None:
    return None if isinstance(sample.source, Path) else sample.source


def _dataset_digest(samples: Sequence[Sample]) -> str:
    return sha256_json([[one.id, repr(one.truth), one.extra] for one in samples])


class Carrier:
    """One model in one part: computes what the whole needs, and gives what is carried of it."""

    def __init__(self, bench: Workbench, model: ModelSpec, part: Part) -> None:
        """Raises the `QuantError` that is in the way of a measurement."""
        self.bench = bench
        self.model = bench.built(model)
        self.part = part
        self.selected = bench.selection(self.model)[0]
        self.samples = part.of_samples(self.selected)
        self._found: ModelOnSamples | None = None

    @property
    def found(self) -> ModelOnSamples:
        """The model on its samples of the part."""
        if self._found is None:
            self._found = self.bench.on_samples(self.model, self.samples)
        return self._found

    def of_first(self, count: int) -> list[Sample]:
        """Which of the first samples of the whole evaluation are in this part."""
        return self.part.of_samples(self.selected[:count])

    def common(self) -> Content:
        """The model itself, whatever its limits need."""
        zoo = {"zoo file": sha256_file(self.model.zoo)}
        facts = self.bench.builder.calibration_facts(self.model, self.bench.dataset(self.model.dataset))
        contents = b"".join(bytes.fromhex(digest) for digest in self.found.digests)
        named = _small_files(self.model.dataset.options)
        samples = {
            "selected": len(self.selected),
            "contents": contents,
            "option_files": dict(self.found.dataset_files),
            "files": named,
        }
        items: dict[str, object] = {SAMPLES: samples} | ({} if facts is None else {CALIBRATION: facts})
        return Content.of({**zoo, **self.found.files, **self._keys()}, items)

    def _keys(self) -> dict[str, str]:
        return {predictions_name(net): key for net, key in self.found.keys.items()}

    def predictions(self, *nets: Net) -> dict[str, object]:
        """The predictions of some nets, computed where the store lacks them."""
        return {predictions_name(net): self._results(self.found.evaluation((net,))) for net in nets}

    def likeness(self, signal: Net, other: Net, first: int | None = None) -> dict[str, object]:
        """How like the raw outputs of two nets are, on all samples or on those among the ``first`` of the whole."""
        samples = self.samples if first is None else self.of_first(first)
        found = self.bench.on_samples(self.model, samples)
        name = likeness_name(signal, other)
        return {name: self._results(found.agreement(signal, other))} if samples else {}

    def _results(self, evaluation: Evaluation) -> dict[str, Carried]:
        if not evaluation.shards:
            return {"count": 0, "arrays": {}, "elapsed_s": 0.0}
        (side,) = evaluate(evaluation, self.bench.resources.store, self.bench.engine).values()
        arrays = evaluation.work.pipeline.pack(side.predictions)
        return {"count": len(side.predictions), "arrays": dict(arrays), "elapsed_s": side.forward_s}
