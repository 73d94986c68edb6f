"""What is measured of each model, once: its nets on the samples, as many of them as the limits need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from pytest_quant.evaluation import measuring
from pytest_quant.evaluation.agreement import AGREEMENT_SAMPLES, OutputAgreement
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.early_stop import EarlyStop, early_stop
from pytest_quant.judging.limits.base import judged
from pytest_quant.judging.looks import Looks
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import AGREEMENT
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

if TYPE_CHECKING:
    from pytest_quant.judging.sanity.mistakes import Restored

T = TypeVar("T")


class Expected(Protocol):
    """What is decided of each model in this run, over all of its cases and tests."""

    def decides(self, model: ModelSpec, kind: str) -> bool:
        """Whether it is a limit of that kind."""
        ...

    def metrics(self, model: ModelSpec) -> Collection[str]:
        """The metrics that limits name."""
        ...

    def needs(self, model: ModelSpec, net: Net) -> bool:
        """Whether a limit is about that net."""
        ...


class NothingElse:
    """Each limit is decided alone."""

    def decides(self, model: ModelSpec, kind: str) -> bool:
        """None is known."""
        return False

    def metrics(self, model: ModelSpec) -> Collection[str]:
        """None is known."""
        return ()

    def needs(self, model: ModelSpec, net: Net) -> bool:
        """None is known."""
        return False


class Measurements:
    """Those of one process; an error is kept as well, and raised for everyone who asks."""

    def __init__(
        self,
        bench: Workbench,
        *,
        confidence: float,
        early_stop: bool = False,
        strict: bool = False,
        expected: Expected | None = None,
    ) -> None:
        """``strict``: what is doubtful about a measurement fails the model's sanity."""
        self.bench = bench
        self.strict = strict
        self.expected: Expected = NothingElse() if expected is None else expected
        self._confidence = confidence
        self._early_stop = early_stop
        self._measured: dict[tuple[str, ...], Measurement | QuantError] = {}
        self._agreements: dict[tuple[str, ...], OutputAgreement | QuantError] = {}
        self._findings: dict[tuple[str, ...], tuple[Finding, ...] | QuantError] = {}
        self._restored: dict[tuple[str, ...], Restored | QuantError | None] = {}
        self._expected: dict[tuple[str, str], list[Limit]] = {}

    def expect(self, model: ModelSpec, limits: Iterable[Limit]) -> None:
        """Say which limits are to be decided: an early stop waits for all of them. Without it a model's own count."""
        self._expected.setdefault(_key(model), []).extend(limits)

    def of(self, model: ModelSpec, net: Net = "int8") -> Measurement:
        """The fp32 net of the model and another on the same samples; raises the `QuantError` in the way, each time.

        A net other than int8 comes after it. ``onnx`` takes the samples that int8 was measured on, a further net has
        an early stop of its own. Raises `ModelFileError` for a net whose files cannot be used.
        """
        model.check_usable(net)
        return _found(self._measured, (*_key(model), net), lambda: self._measure(model, net))

    def _measure(self, model: ModelSpec, net: Net) -> Measurement:
        first = None if net == "int8" else self.of(model).evaluated
        if net == "onnx":
            return self.bench.measure(model, net=net, first=first)
        agreement = AGREEMENT in self.expected.metrics(model)
        return self.bench.measure(model, self._stop_rule(model, net), net=net, agreement=agreement)

    def prepare(self, model: ModelSpec, net: Net, engine: Engine) -> None:
        """Compute the predictions that `of` will take with another engine; from any thread."""
        model.check_usable(net)
        agreement = net != "onnx" and AGREEMENT in self.expected.metrics(model)
        resources, rule = replace(self.bench.resources, engine=engine), self._stop_rule(model, net)
        if isinstance(rule, Looks):  # how many there are is known by scoring
            replace(self.bench, resources=resources).measure(model, rule, net=net, agreement=agreement)
            return
        found = self.bench.on_samples(model, self.bench.selection(model)[0])
        measuring.prepare(found, resources, net=net, stop=rule, agreement=agreement)

    def agreement(self, model: ModelSpec) -> OutputAgreement:
        """How the raw outputs of ``onnx`` and of the ncnn fp32 net agree, on the first of the evaluated samples."""
        return _found(self._agreements, _key(model), lambda: self._agree(model))

    def _agree(self, model: ModelSpec) -> OutputAgreement:
        count = min(AGREEMENT_SAMPLES, self.of(model).evaluated)
        return self.bench.agreement(model, "onnx", "fp32", self.bench.selection(model)[0][:count])

    def outputs(self, model: ModelSpec, net: Net = "int8") -> OutputAgreement:
        """How far the raw outputs of a net are from those of fp32, on all samples that it was measured on."""
        return _found(self._agreements, (*_key(model), net), lambda: self._outputs(model, net))

    def _outputs(self, model: ModelSpec, net: Net) -> OutputAgreement:
        samples = self.bench.selection(model)[0][: self.of(model, net).evaluated]
        return self.bench.agreement(model, "fp32", net, samples)

    def known_outputs(self, model: ModelSpec, net: Net = "int8") -> OutputAgreement | None:
        """The same if it is known already; starts nothing."""
        found = self._agreements.get((*_key(model), net))
        return found if isinstance(found, OutputAgreement) else None

    def sanity(self, model: ModelSpec, look: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
        """What ``look`` finds about a model, once."""
        return _found(self._findings, _key(model), look)

    def restoring(self, model: ModelSpec, attempt: Callable[[], Restored | None]) -> Restored | None:
        """What ``attempt`` comes to, once."""
        return _found(self._restored, _key(model), attempt)

    def known_sanity(self, model: ModelSpec) -> tuple[Finding, ...] | None:
        """What was found about a model, if anybody looked; starts nothing."""
        found = self._findings.get(_key(model))
        return None if isinstance(found, QuantError) else found

    def known(self, model: ModelSpec, net: Net = "int8") -> Measurement | None:
        """The measurement if there is one already; starts nothing."""
        found = self._measured.get((*_key(model), net))
        return found if isinstance(found, Measurement) else None

    def known_agreement(self, model: ModelSpec) -> OutputAgreement | None:
        """The agreement of the raw outputs if it is known already; starts nothing."""
        found = self._agreements.get(_key(model))
        return found if isinstance(found, OutputAgreement) else None

    def _stop_rule(self, model: ModelSpec, net: Net) -> EarlyStop | Looks | None:
        if not self._early_stop:
            return None
        expected = self._expected.get(_key(model), list(model.limits))
        limits = [limit for limit in expected if limit.net == net]
        if expected and not limits:  # only the cases of another net were selected
            limits = [limit for limit in model.limits if limit.net == net]
        samples, total = self.bench.selection(model)
        return early_stop(map(judged, limits), len(samples), total, self._confidence)


def _key(model: ModelSpec) -> tuple[str, str]:
    return str(model.zoo), model.name


def _found(known: dict[tuple[str, ...], T | QuantError], key: tuple[str, ...], make: Callable[[], T]) -> T:
    """What is known of ``key``, made when first asked for; an error is raised anew for everyone who asks."""
    if key not in known:
        try:
            known[key] = make()
        except QuantError as error:
            known[key] = error
    found = known[key]
    if isinstance(found, QuantError):
        raise found
    return found
