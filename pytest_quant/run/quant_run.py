"""One pytest process that runs accuracy cases, and the parts that its tests share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.evaluation.kept import FACTS
from pytest_quant.evaluation.kept_facts import KeptFacts
from pytest_quant.evaluation.probes import NotedProbes
from pytest_quant.judging.limits.baseline import NoWorse
from pytest_quant.judging.limits.written import MAX_TOLERANCE_PCT
from pytest_quant.plugin.settings import Settings
from pytest_quant.run.computing import Computing
from pytest_quant.run.expectations import Expectations
from pytest_quant.run.outcomes import explained
from pytest_quant.run.zoos import Zoos
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.zoo.placement import Placement

if TYPE_CHECKING:
    from pytest_quant.evaluation.parts.replay import Replay
    from pytest_quant.judging.assess import Assessor
    from pytest_quant.judging.baseline import Baseline, BaselineEntry
    from pytest_quant.judging.part_work import PartWork
    from pytest_quant.report.model import ModelEntry
    from pytest_quant.run.deciding import Decider
    from pytest_quant.run.entries import ModelEntries
    from pytest_quant.run.illustrations import Illustrations


PART_FOLDER = "part"
"""Below the folder of the run: what its processes carry of a part."""


class QuantRun:
    """Makes the parts when they are first asked for: with most of them come the runtime and the tasks' libraries."""

    def __init__(
        self, settings: Settings, *, run_dir: Path, cache_dir: Path | None, rootdir: Path, replay: Replay | None = None
    ) -> None:
        """``replay``: what the parts of a run have computed, where they are merged."""
        self.settings = settings
        self.rootdir = rootdir
        placement = None if settings.target is None else Placement(settings.target, settings.target_nets)
        facts = None if cache_dir is None else KeptFacts(cache_dir / FACTS)
        self.zoos = Zoos(rootdir, self.max_tolerance_pct, placement, facts)
        self.expectations = Expectations()
        self._run_dir = run_dir
        self._cache_dir = cache_dir
        self._baseline: Baseline | None = None
        self._replay = replay
        self.computing = Computing(settings, run_dir)
        self._probes = None if settings.part is None else NotedProbes()

    @property
    def max_tolerance_pct(self) -> float:
        """Share of a metric's range from which on a tolerance is refused, in percent."""
        return self.settings.max_tolerance_pct or MAX_TOLERANCE_PCT

    def read_baseline(self) -> None:
        """Read the committed baseline, if there is to be one; raises `ConfigError` when it is damaged."""
        if self.settings.baseline is not None:
            from pytest_quant.judging.baseline import read_baseline

            self._baseline = read_baseline(self.settings.baseline)

    def limits(self, model: ModelSpec) -> tuple[Limit, ...]:
        """The cases of a model: its own limits, and one per net and metric for the baseline when there is one."""
        if self.settings.baseline is None:
            return model.limits
        return (*model.limits, *NoWorse.of_limits(model.limits, self.settings.baseline_within_pct))

    def expect(self, model: ModelSpec | None, limits: Sequence[Limit]) -> None:
        """Note that a selected test decides these limits: an early stop waits for them, the report has intervals."""
        if model is None:
            return
        self.expectations.add(model, limits)
        self.computing.expect(model, limits)
        if self.settings.early_stop:
            self.assessor.measurements.expect(model, limits)
        if self.settings.whole_table and self.assessor.family is not None:
            self.assessor.family.expect(model, limits)

    def explained(self) -> AbstractContextManager[None]:
        """For fixtures: a `QuantError` becomes a skip or a failure without a traceback."""
        return explained(strict=self.settings.strict)

    @cached_property
    def assessor(self) -> Assessor:
        """Where limits are decided."""
        from pytest_quant.judging.assess import Assessor

        settings = self.settings
        return Assessor(
            self.computing.open_bench(self._cache_dir, self._probes, self._replay),
            confidence=settings.confidence,
            early_stop=settings.early_stop,
            baseline=self._baseline,
            strict=settings.strict,
            whole_table=settings.whole_table,
            expected=self.expectations,
        )

    @cached_property
    def decider(self) -> Decider:
        """What takes a case from its limit to its record."""
        from pytest_quant.run.deciding import Decider
        from pytest_quant.run.explaining import Explainer

        settings = self.settings
        explainer = Explainer(settings, self.assessor.measurements, self.expectations, self._entries)
        return Decider(
            self.assessor,
            explainer,
            inconclusive=settings.inconclusive,
            strict=settings.strict,
            part=self.part_work,
            before=self.computing.wait_for,
        )

    @cached_property
    def part_work(self) -> PartWork | None:
        """What is done in the place of deciding, where the run evaluates a part of the samples."""
        from pytest_quant.judging.part_work import PartWork

        if self.settings.part is None or self._probes is None:
            return None
        folder = self._run_dir / PART_FOLDER
        return PartWork(self.settings.part, self.rootdir, folder, self._probes, self.assessor.subject)

    @cached_property
    def _entries(self) -> ModelEntries:
        """What the report says of the models that this process has measured."""
        from pytest_quant.run.entries import ModelEntries

        return ModelEntries(
            self.assessor.measurements,
            self._run_dir,
            rescue_base=self.settings.rescue_folder,
            confidence=self.settings.confidence,
            expectations=self.expectations,
            zoo_id=self.zoos.id_of,
        )

    @cached_property
    def _illustrations(self) -> Illustrations:
        """What a report with pictures shows of the models that this process has measured."""
        from pytest_quant.run.illustrations import Illustrations

        settings, measurements = self.settings, self.assessor.measurements
        return Illustrations(measurements, self._run_dir, pictures=settings.pictures, confidence=settings.confidence)

    def draw(self, models: Sequence[ModelSpec]) -> None:
        """Draw what a report with pictures shows of those models that have been measured."""
        if self.settings.illustrated:
            for model in models:
                self._illustrations.draw(model, self._entries.known_diagnosis(model))

    def model_entries(self, models: Sequence[ModelSpec]) -> dict[str, ModelEntry]:
        """The report's entries of those models that have been measured."""
        found = {model.name: self._entries.entry(model) for model in models}
        return {name: entry for name, entry in found.items() if entry is not None}

    def baseline_entries(self, models: Sequence[ModelSpec]) -> dict[str, BaselineEntry]:
        """What the baseline would hold of those models that have been measured, if it is to be rewritten."""
        if not self.settings.update_baseline:
            return {}
        found = {}
        for model in models:
            entries = self._baseline_nets(model)
            if "int8" in entries:  # which any further net is measured after
                found[model.name] = entries.pop("int8").model_copy(update={"nets": entries})
        return found

    def _baseline_nets(self, model: ModelSpec) -> dict[Net, BaselineEntry]:
        from pytest_quant.judging.baseline import entry_of

        measurements = self.assessor.measurements
        known = {net: measurements.known(model, net) for net in ("int8", *model.further_nets)}
        return {
            net: entry_of(one, measurements.known_outputs(model, net)) for net, one in known.items() if one is not None
        }
