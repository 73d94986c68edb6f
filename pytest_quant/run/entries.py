"""What one process knows of the report's models: measurements, and the layers and repairs behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_quant.report.model import DiagnosisEntry, ModelEntry, NoDiagnosisEntry, NoRescueEntry, RescueEntry
from pytest_quant.run.expectations import Expectations
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

if TYPE_CHECKING:
    from pytest_quant.diagnosis.once_per_model import OncePerModel
    from pytest_quant.judging.measurements import Measurements

RESCUE_FOLDER = "quant-rescue"
"""Holds the repaired nets, beside the first report."""


class ModelEntries:
    """The entries of the report's models, each with what is known of it so far."""

    def __init__(
        self,
        measurements: Measurements,
        run_dir: Path,
        *,
        rescue_base: Path,
        confidence: float,
        expectations: Expectations,
        zoo_id: Callable[[Path], str],
    ) -> None:
        """``zoo_id`` names a zoo file as node ids do.

        ``rescue_base``: the folder that paths of repairs are relative to; ``expectations``: which metrics are limited.
        """
        self._measurements = measurements
        self._run_dir = run_dir
        self._rescue_base = rescue_base
        self._confidence = confidence
        self._expectations = expectations
        self._zoo_id = zoo_id
        self._entries: dict[str, ModelEntry] = {}
        self._diagnoses_of: dict[Net, OncePerModel[DiagnosisEntry | NoDiagnosisEntry]] = {}

    def _diagnoses(self, net: Net) -> OncePerModel[DiagnosisEntry | NoDiagnosisEntry]:
        """Those of the models' nets of that name."""
        if net in self._diagnoses_of:
            return self._diagnoses_of[net]
        from pydantic import TypeAdapter

        from pytest_quant.diagnosis.once_per_model import OncePerModel

        kind: TypeAdapter[DiagnosisEntry | NoDiagnosisEntry] = TypeAdapter(DiagnosisEntry | NoDiagnosisEntry)
        folder = self._run_dir / "diagnoses" / quote(net, safe="")
        made = self._diagnoses_of[net] = OncePerModel(folder, kind, lambda model: self._diagnose(model, net))
        return made

    def _diagnose(self, model: ModelSpec, net: Net) -> DiagnosisEntry | NoDiagnosisEntry:
        """The diagnosis, as an earlier run of the same nets made it, else made now; a failed one is tried again."""
        from pytest_quant.diagnosis.diagnoses import diagnosis_place, try_diagnosis
        from pytest_quant.report.diagnosis import tried_entry

        bench = self._measurements.bench
        place = diagnosis_place(model, bench, net)
        kept = None if place is None else place.load()
        if kept is not None:
            return DiagnosisEntry.model_validate(kept)
        found = tried_entry(try_diagnosis(model, bench, net))
        if place is not None and isinstance(found, DiagnosisEntry):
            place.save(found.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        return found

    @cached_property
    def _rescues(self) -> OncePerModel[RescueEntry | NoRescueEntry]:
        from pydantic import TypeAdapter

        from pytest_quant.diagnosis.once_per_model import OncePerModel

        kind: TypeAdapter[RescueEntry | NoRescueEntry] = TypeAdapter(RescueEntry | NoRescueEntry)
        return OncePerModel(self._run_dir / "rescues", kind, self._rescue)

    def _rescue(self, model: ModelSpec) -> RescueEntry | NoRescueEntry:
        from pytest_quant.report.rescue import tried_entry
        from pytest_quant.rescue.rescues import try_rescue

        folder = self._rescue_base / RESCUE_FOLDER
        found = try_rescue(model, self._measurements.bench, out=folder, confidence=self._confidence)
        return tried_entry(found, self._rescue_base)

    def diagnosis(self, model: ModelSpec, net: Net = "int8") -> DiagnosisEntry | NoDiagnosisEntry:
        """The layer diagnosis of a net, made now where no process has made it yet."""
        return self._diagnoses(net).get(model)

    def known_diagnosis(self, model: ModelSpec) -> DiagnosisEntry | None:
        """The same where it is there already; starts nothing."""
        found = self._diagnoses("int8").known(model)
        return found if isinstance(found, DiagnosisEntry) else None

    def rescue(self, model: ModelSpec) -> RescueEntry | NoRescueEntry:
        """The repair of a model, looked for now where no process has looked yet."""
        return self._rescues.get(model)

    def entry(self, model: ModelSpec) -> ModelEntry | None:
        """The entry of a model; None before it has been measured."""
        from pytest_quant.report.data import model_entry, net_entry, onnx_entry, outputs_entry, sanity_entry

        measurement = self._measurements.known(model)
        if measurement is None:
            return None
        limited = self._expectations.metrics(model)
        known = self._entries.get(model.name)
        if known is None:
            known = model_entry(measurement, self._zoo_id(model.zoo), self._confidence, limited)
        onnx, agreement = self._measurements.known(model, "onnx"), self._measurements.known_agreement(model)
        if known.onnx is None and onnx is not None and agreement is not None:
            known = known.model_copy(update={"onnx": onnx_entry(onnx, agreement)})
        outputs = self._measurements.known_outputs(model)
        if outputs is not None:
            known = known.model_copy(update={"outputs": outputs_entry(outputs)})
        for net in model.further_nets:
            measured, noise = self._measurements.known(model, net), self._measurements.known_outputs(model, net)
            if measured is not None and net not in known.further_nets:
                known = known.with_net(net, net_entry(measured, self._confidence, limited))
            layers = self._diagnoses(net).known(model)
            if layers is not None and net in known.further_nets:
                known = known.with_net(net, known.further_nets[net].model_copy(update={"diagnosis": layers}))
            if noise is not None:
                own = known.further_nets[net].model_copy(update={"outputs": outputs_entry(noise)})
                known = known.with_net(net, own)
        findings = self._measurements.known_sanity(model)
        if findings is not None:
            known = known.model_copy(update={"sanity": sanity_entry(findings)})
        known = known.model_copy(
            update={"diagnosis": self._diagnoses("int8").known(model), "rescue": self._rescues.known(model)}
        )
        self._entries[model.name] = known
        return known
