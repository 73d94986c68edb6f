"""The nets of a model for a user's own code: arrays in, arrays out, or a sample in, its prediction out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_task
from pytest_quant.nets.base import Array, Runner
from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed, shown, suggestion
from pytest_quant.tasks.base import Prediction


class ModelRunner:
    """A loaded net with its model's pre- and post-processing; loaded when first used."""

    def __init__(self, model: ModelSpec, net: Net, bench: Workbench) -> None:
        self.model = model
        self.net = net
        self._bench = bench
        self._task = get_task(model.task)
        self._pipeline = self._task.pipeline(model.prepared_for(net) if net in model.nets else model)
        self._runner: Runner | None = None

    def __repr__(self) -> str:
        return f"<{self.net} of {self.model.name}>"

    def run(self, given: Given) -> dict[str, Array]:
        """One forward pass: float32 array (channels, height, width), preprocessed, to output blobs by name.

        A net that is fed arrays takes them by the names under ``inputs`` of its model.

        Raises `RunnerError` for an input or an output that is not usable.
        """
        model = self._bench.built(self.model)  # before a core is held: making files takes cores of its own
        with self._bench.cores.core():
            if self._runner is None:
                first = given if isinstance(given, (np.ndarray, Mapping)) else None
                self._runner = open_runner(model, self.net, first, self._bench.resources.trials)
            return self._runner.run(given)

    def predict(self, sample: Sample) -> Prediction:
        """The decoded prediction for one sample of the model's dataset."""
        image = self._bench.dataset(self.model.dataset).read(sample, orient=self._task.orient)
        return self._pipeline.predict(self.run, self._pipeline.prepare(image, sample))

    def close(self) -> None:
        """Free the net."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


class ModelRunners(Mapping[Net, ModelRunner]):
    """Every net of a model by its name, each loaded when first used."""

    def __init__(self, model: ModelSpec, bench: Workbench) -> None:
        self.model = model
        self._bench = bench
        self._runners: dict[Net, ModelRunner] = {}

    def __repr__(self) -> str:
        return f"<nets of {self.model.name}: {listed(self.model.nets)}>"

    def __getitem__(self, name: Net) -> ModelRunner:
        """The net of that name.

        Raises `ConfigError` where the model has none of it, `ModelFileError` where its files cannot be used.
        """
        self.model.check_usable(name)
        if name not in self.model.nets:
            raise ConfigError(
                f"{self.model.name} has no net {name!r} in {shown(self.model.zoo)}."
                f"{suggestion(str(name), self.model.nets)} Its nets: {listed(self.model.nets)}"
            )
        if name not in self._runners:
            self._runners[name] = ModelRunner(self.model, name, self._bench)
        return self._runners[name]

    def __contains__(self, name: object) -> bool:
        return name in self.model.nets

    def __iter__(self) -> Iterator[Net]:
        return iter(self.model.nets)

    def __len__(self) -> int:
        return len(self.model.nets)

    def close(self) -> None:
        """Free all nets that were loaded."""
        for runner in self._runners.values():
            runner.close()
