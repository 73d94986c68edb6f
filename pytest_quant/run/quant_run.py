"""One pytest process that runs accuracy cases: its zoos, its evaluations, and what each test has to report."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_quant.plugin.settings import Settings
from pytest_quant.run.records import RunCase
from pytest_quant.spec.errors import (
    BaselineMissingError,
    ConfigError,
    DatasetMissingError,
    QuantError,
    QuantWarning,
    ZooError,
)
from pytest_quant.spec.limit import Kind, Limit, baseline_limits
from pytest_quant.spec.limits import MAX_TOLERANCE_PCT
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed, relative_posix, shown
from pytest_quant.spec.verdict import Verdict
from pytest_quant.zoo.reader import Zoo, read_zoo

if TYPE_CHECKING:
    from pytest_quant.judging.assess import Assessor
    from pytest_quant.judging.baseline import Baseline, BaselineEntry
    from pytest_quant.report.model import ModelEntry
    from pytest_quant.run.entries import ModelEntries


class LimitBroken(Exception):  # noqa: N818 - not an error: a limit did its work
    """A limit does not hold; the only thing that ``xfail`` in a zoo file covers."""


class QuantRun:
    """Shared by all tests of this process."""

    def __init__(self, settings: Settings, *, run_dir: Path, cache_dir: Path | None, rootdir: Path) -> None:
        self.settings = settings
        self.rootdir = rootdir
        self._run_dir = run_dir
        self._cache_dir = cache_dir
        self._zoos: dict[Path, Zoo | ZooError] = {}
        self._owner: dict[str, Path] = {}
        self._baseline: Baseline | None = None
        self._limited: dict[str, set[str]] = {}
        self._kinds: dict[str, set[Kind]] = {}

    @cached_property
    def assessor(self) -> Assessor:
        """Where limits are decided; made when the first case runs."""
        from pytest_quant.evaluation.cores import available_cores
        from pytest_quant.evaluation.measure import Sampling, Workbench
        from pytest_quant.judging.assess import Assessor  # with it come the runtime and the libraries of the tasks

        settings = self.settings
        bench = Workbench.in_folder(
            self._run_dir,
            cores=settings.jobs or available_cores(),
            cache_dir=self._cache_dir,
            sampling=Sampling(settings.seed, settings.samples, settings.whole),
        )
        return Assessor(
            bench,
            confidence=settings.confidence,
            early_stop=settings.early_stop,
            baseline=self._baseline,
            strict=settings.strict,
        )

    @cached_property
    def _entries(self) -> ModelEntries:
        """What the report says of the models that this process has measured."""
        from pytest_quant.run.entries import ModelEntries

        return ModelEntries(
            self.assessor,
            self._run_dir,
            rescue_base=self.settings.rescue_folder,
            confidence=self.settings.confidence,
            limited=self._limited,
            zoo_id=self.zoo_id,
        )

    def read_baseline(self) -> None:
        """Read the committed baseline, if there is to be one; raises `ConfigError` when it is damaged."""
        if self.settings.baseline is not None:
            from pytest_quant.judging.baseline import read_baseline

            self._baseline = read_baseline(self.settings.baseline)

    def limits(self, model: ModelSpec) -> tuple[Limit, ...]:
        """The cases of a model: its own limits, and one per metric for the baseline when there is one."""
        if self.settings.baseline is None:
            return model.limits
        return (*model.limits, *baseline_limits(model.limits, self.settings.baseline_within_pct))

    @property
    def max_tolerance_pct(self) -> float:
        """Share of a metric's range from which on a tolerance is refused, in percent."""
        return self.settings.max_tolerance_pct or MAX_TOLERANCE_PCT

    def zoo(self, path: Path) -> Zoo:
        """A zoo file, read once; raises `ZooError`."""
        if path not in self._zoos:
            try:
                self._zoos[path] = read_zoo(path, max_tolerance_pct=self.max_tolerance_pct)
            except ZooError as error:
                self._zoos[path] = error
        found = self._zoos[path]
        if isinstance(found, ZooError):
            raise found
        return found

    def claim_name(self, name: str, path: Path) -> None:
        """Model names are unique in a run; raises `ConfigError` naming both files."""
        owner = self._owner.setdefault(name, path)
        if owner != path:
            raise ConfigError(
                f"{shown(path)}: models.{name}: {shown(owner)} has a model of this name too; rename one of them, "
                "or run the two files apart"
            )

    def zoo_id(self, path: Path) -> str:
        """A zoo file as node ids name it."""
        return relative_posix(path, self.rootdir)

    def expect(self, model: ModelSpec | None, limits: Sequence[Limit]) -> None:
        """Note that a selected test decides these limits: an early stop waits for them, the report has intervals."""
        if model is None:
            return
        metrics = (limit.metric for limit in limits)
        self._limited.setdefault(model.name, set()).update(metric for metric in metrics if metric is not None)
        self._kinds.setdefault(model.name, set()).update(limit.kind for limit in limits)
        if self.settings.early_stop:
            self.assessor.expect(model, limits)

    def notes(self, models: Iterable[ModelSpec | None]) -> list[str]:
        """What is to be known of the descriptions that the entries of models were filled in from, a line each."""
        lines = (f"{model.name}: {note}" for model in models if model is not None for note in model.notes)
        return list(dict.fromkeys(lines))

    def outlook(self, selected: Sequence[tuple[ModelSpec | None, Sequence[Limit]]]) -> list[str]:
        """What to know before the cases run, a line each: what sampled ones can prove."""
        sampled = self.settings.samples is not None
        lines = (
            self.assessor.outlook(model, limit)
            for model, limits in selected
            if model is not None and (sampled or (model.samples is not None and not self.settings.whole))
            for limit in limits
        )
        cases: dict[str, dict[str, None]] = {}
        for line in lines:
            if line is not None:
                case, _, text = line.partition(": ")
                cases.setdefault(text, {})[case] = None
        return [f"{listed(names)}: {text}" for text, names in cases.items()]

    def decide(self, model: ModelSpec, limit: Limit, planned: RunCase, records: list[RunCase]) -> str | None:
        """Decide a limit and add its record; gives the failure message when it does not hold.

        Raises a skip where the dataset is missing, and `QuantError` where the limit cannot be decided.
        """
        from pytest_quant.report.message import is_broken

        start = time.perf_counter()
        try:
            verdict = self.assessor.assess(model, limit)
        except (DatasetMissingError, BaselineMissingError) as error:
            seconds = time.perf_counter() - start
            if self.settings.strict:
                records.append(planned.record("error", "failed", str(error), seconds))
            else:
                records.append(planned.record("skipped", "skipped", str(error), seconds))
            self.skip_missing(error)
        except QuantError as error:
            records.append(planned.record("error", "failed", str(error), time.perf_counter() - start))
            raise
        records.append(planned.decided(verdict, time.perf_counter() - start))
        remarks = [f"{model.name}: {remark}" for remark in self.assessor.remarks(model, limit)]
        if self.settings.diagnose and self.assessor.measured(model) is not None:  # else the report has no place for it
            self._entries.diagnosis(model)
        if not is_broken(verdict, self.settings.inconclusive):
            for remark in remarks:
                warnings.warn(remark, QuantWarning, stacklevel=2)
            return None
        # A limit that is broken says the rest itself: where warnings are errors, one would hide the verdict.
        return self._explained(model, limit, verdict) + "".join(f"\n  warning: {remark}" for remark in remarks)

    def _explained(self, model: ModelSpec, limit: Limit, verdict: Verdict) -> str:
        """The message of a broken limit, with the layers behind a drop, and its repair where one is looked for."""
        from pytest_quant.report.message import failure_message

        measurement = self.assessor.measured(model, limit.net)
        if limit.kind != "tolerance":
            return failure_message(model, limit, verdict, measurement)
        diagnosis = self._entries.diagnosis(model)
        message = failure_message(model, limit, verdict, measurement, diagnosis, self._stages(model, limit))
        return message + (self._repair(model) if verdict.decision == "fail" else "")

    def _repair(self, model: ModelSpec) -> str:
        """What a rescue of the model came to, for its message; nothing without ``--quant-rescue``."""
        if not self.settings.rescue:
            return ""
        from pytest_quant.extending.known import get_task
        from pytest_quant.report.rescue import rescue_lines

        metrics = get_task(model.task).metrics
        lines = rescue_lines(self._entries.rescue(model), metrics, self.settings.rescue_folder)
        return "".join(f"\n  {line}" for line in lines)

    def _stages(self, model: ModelSpec, limit: Limit) -> list[str]:
        """Which step lost how much, where the run measures the model's ONNX file anyway."""
        from pytest_quant.report.stages import stage_lines

        if "onnx" not in self._kinds.get(model.name, ()):
            return []
        try:
            self.assessor.measurement(model, "onnx")
            self.assessor.agreement(model)
        except QuantError as error:
            return [f"stages: {error}"]
        entry = self._entries.entry(model)
        return [] if entry is None or limit.metric is None else stage_lines(entry, [limit.metric])

    def skip_missing(self, error: DatasetMissingError | BaselineMissingError) -> None:
        """Skip the running test for a missing dataset or baseline; under ``--quant-strict`` fail it."""
        if self.settings.strict:
            raise pytest.fail.Exception(f"--quant-strict: {error}", pytrace=False) from None
        raise pytest.skip.Exception(str(error)) from None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """For fixtures: a `QuantError` becomes a skip or a failure without a traceback."""
        try:
            yield
        except DatasetMissingError as error:
            self.skip_missing(error)
        except QuantError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    def model_entries(self, models: Sequence[ModelSpec]) -> dict[str, ModelEntry]:
        """The report's entries of those models that have been measured."""
        found = {model.name: self._entries.entry(model) for model in models}
        return {name: entry for name, entry in found.items() if entry is not None}

    def baseline_entries(self, models: Sequence[ModelSpec]) -> dict[str, BaselineEntry]:
        """What the baseline would hold of those models that have been measured, if it is to be rewritten."""
        if not self.settings.update_baseline:
            return {}
        from pytest_quant.judging.baseline import entry_of

        measured = (self.assessor.measured(model) for model in models)
        return {found.model.name: entry_of(found) for found in measured if found is not None}
