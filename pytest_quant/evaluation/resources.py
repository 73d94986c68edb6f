"""What the evaluations of one process share."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.digests import DigestMemo
from pytest_quant.evaluation.discordance import DiscordanceMemo
from pytest_quant.evaluation.engine.crews import Cluster
from pytest_quant.evaluation.engine.engine import Engine, Later
from pytest_quant.evaluation.engine.events import Listener
from pytest_quant.evaluation.engine.turns import Turns
from pytest_quant.evaluation.kept import DIGESTS, DISCORDANCE, PREDICTIONS, RESULTS, TIMES, TRIALS
from pytest_quant.evaluation.kept_results import KeptResults
from pytest_quant.evaluation.model_on_samples import ModelOnSamples, file_digests, sample_digests
from pytest_quant.evaluation.pixels import OpenDatasets
from pytest_quant.evaluation.probes import Probes
from pytest_quant.evaluation.store import PredictionStore
from pytest_quant.evaluation.times import TimesMemo
from pytest_quant.evaluation.trials import Trials
from pytest_quant.nets.trial.trial import LIMIT_S
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec

_OF_LIMIT = 0.9
"""What of the time for a sample a net's trial may take: its own message comes before the other."""


@dataclass(frozen=True)
class Resources:
    """Where predictions are kept, what runs the nets, and the datasets that are open."""

    store: PredictionStore
    digests: DigestMemo
    discordances: DiscordanceMemo
    times: TimesMemo
    """How long the evaluations of earlier runs took."""
    results: KeptResults
    engine: Engine
    datasets: OpenDatasets
    trials: Trials
    probes: Probes = field(default_factory=Probes)
    """What is found out about single samples goes through it."""

    @classmethod
    def in_folder(
        cls,
        kept: Path,
        run_dir: Path,
        cores: int,
        listener: Listener | None = None,
        *,
        rehash: bool = False,
        limit_s: float | None = None,
        executor: Executor | Cluster | Later | None = None,
    ) -> Resources:
        """Resources that are shared with other processes through ``run_dir``; ``kept``: what may outlive the run.

        ``rehash``: digests of images that an earlier run took are not trusted; ``limit_s``: longest time for a sample;
        ``executor``: runs the nets instead of this process's threads.
        Raises `StorageError` where ``run_dir`` cannot be written.
        """
        locks = run_dir / "claims"
        digests = DigestMemo(kept / DIGESTS, locks, cores, anew=run_dir / "digests" if rehash else None)
        return cls(
            store=PredictionStore(kept / PREDICTIONS, locks),
            digests=digests,
            discordances=DiscordanceMemo(kept / DISCORDANCE, locks),
            times=TimesMemo(kept / TIMES, locks),
            results=KeptResults(kept / RESULTS, locks),
            engine=Engine(CorePool(run_dir / "cores", cores), listener, executor, limit_s=limit_s, turns=Turns()),
            datasets=OpenDatasets(digests),
            trials=Trials(ContentStore(kept / TRIALS, locks), LIMIT_S if limit_s is None else _OF_LIMIT * limit_s),
        )

    def scratch(self, folder: Path, datasets: Mapping[DatasetSpec, Dataset]) -> Resources:
        """The same for trials over datasets that are open already; predictions are kept in ``folder``."""
        return replace(
            self,
            engine=self.engine.during("rescue, trial"),
            store=PredictionStore(folder / "predictions", folder / "claims"),
            discordances=DiscordanceMemo(folder / "discordance", folder / "claims"),
            times=TimesMemo(folder / "times", folder / "claims"),
            results=KeptResults(folder / "results", folder / "claims"),
            datasets=OpenDatasets(self.digests, datasets),
            probes=Probes(),
        )

    def on_samples(self, model: ModelSpec, samples: list[Sample]) -> ModelOnSamples:
        """A built model on some samples of its dataset; raises `DatasetError` or `ModelFileError`."""
        dataset = self.datasets[model.dataset]
        found = ModelOnSamples.of(
            model,
            self.datasets.pixels(model.dataset),
            samples,
            sample_digests(dataset, samples, self.digests),
            file_digests(model),
            self.trials,
            self.datasets.files(model.dataset),
            self.digests,
        )
        self.datasets.files(model.dataset)  # pipelines read some of them, too
        return found
