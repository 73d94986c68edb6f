"""One model of a zoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.dataset import DatasetSpec, RescueSpec
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.net import InputSpec, ModelNet, Net, NetSpec, Runtime


@dataclass(frozen=True)
class ModelSpec:
    """One model of a zoo, validated, with absolute paths and everything filled in that the zoo file left out."""

    name: str
    zoo: Path
    task: str
    dataset: DatasetSpec
    nets: Mapping[Net, NetSpec]
    """By name, in the order of the stages: ``onnx`` where the model has one, ``fp32``, ``int8``, then further ones."""
    input: InputSpec
    outputs: tuple[str, ...]
    unusable: Mapping[Net, str] = field(default_factory=dict)
    """Further nets of the entry whose files are missing or damaged, each with what is wrong: they are not in ``nets``,
    and their cases say so."""
    rescue: RescueSpec | None = None
    """What a repair is searched on; None: the calibration images, where the entry names them."""
    built_in: Path | None = None
    """The folder that holds the files that were built; reports name them relative to it."""
    preprocess: Any = None
    """The task's own validated options; likewise ``postprocess``, and ``metric_options`` by metric name."""
    postprocess: Any = None
    metric_options: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    samples: int | None = None
    """Size of the seeded subset to evaluate; None: the whole dataset."""
    runtime: Runtime = "reference"
    config: Path | None = None
    """The training repository's config file, for required conditions."""
    config_conditions: Mapping[str, object] = field(default_factory=dict)
    """What that file says of conditions: plain JSON values, or `Untold`."""
    xfail: Mapping[str, str] = field(default_factory=dict)
    """Case name to the reason why its limit is known to be broken."""
    notes: tuple[str, ...] = ()
    """What the files hint at and the entry has otherwise, and what the descriptions that it was filled in from
    contradict, lose or leave to a guess: told before a run."""
    remarks: tuple[str, ...] = ()
    """What is so of every such description: in the report only, after the notes."""
    line: int = 1
    """Where its entry begins in the zoo file, counted from 1."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Case name to the line of the key that asks for it."""

    @property
    def calibration(self) -> CalibrationSpec | None:
        """How the int8 net is made, when there are no files of it."""
        source = self.nets["int8"].source
        return source if isinstance(source, CalibrationSpec) else None

    def check_usable(self, *names: Net) -> None:
        """Raise `ModelFileError` for a net whose files are missing or damaged."""
        for name in names:
            if name in self.unusable:
                raise ModelFileError(self.unusable[name])

    @property
    def further_nets(self) -> tuple[Net, ...]:
        """The nets beside fp32, int8 and onnx, each of which is held against fp32."""
        return tuple(net for net in self.nets if net not in ("onnx", "fp32", "int8"))

    @property
    def is_built(self) -> bool:
        """Whether the files of all nets are there, or were never to be built."""
        return all(net.is_built for net in self.nets.values())

    def line_of(self, limit: Limit) -> int:
        """Where a limit stands in the zoo file; one of the baseline stands where its metric's own limit does."""
        named: tuple[str, ...] = ()
        if limit.metric is not None:
            name = limit.metric.name
            of_int8 = (name, f"floor[{name}]")
            named = (f"{limit.net}[{name}]", f"floor[{limit.net}.{name}]", *of_int8)
        return next((self.lines[name] for name in (limit.name, *named) if name in self.lines), self.line)

    def net(self, name: Net) -> ModelNet:
        """One of its nets, with what it has from the model; raises `KeyError` for a name that it does not have.

        The names under ``input`` and ``output`` are those of fp32. Another net may have others: its own, which its
        entry says, or those that its file tells.
        """
        spec = self.nets[name]
        input_name, output_names = spec.input_name, spec.outputs
        if name == "fp32":
            input_name, output_names = self.input.blob, self.outputs
        return ModelNet(
            name=name,
            format=spec.format,
            entry=spec.entry,
            input=spec.input or self.input,
            outputs=self.outputs,
            input_name=input_name,
            output_names=output_names,
            input_names=self._array_names(name),
            runtime=self.runtime,
            target=spec.target,
        )

    def _array_names(self, name: Net) -> tuple[tuple[str, str | None], ...]:
        """What a net calls each of the arrays that the model is fed; see `ModelNet.input_names`."""
        own = {one.key: one.name for one in reversed(self.nets[name].arrays)}
        if own:
            return tuple((one.name, own[one.key]) for one in self.input.arrays if one.key in own)
        return tuple((one.name, one.name if name == "fp32" else None) for one in self.input.arrays)

    def with_net(self, name: Net, spec: NetSpec) -> ModelSpec:
        """The same model with another net of that name."""
        return replace(self, nets={**self.nets, name: spec})

    def prepared_for(self, name: Net) -> ModelSpec:
        """The model as its pipeline prepares inputs for one of its nets: that net's input in the place of its own."""
        own = self.nets[name].input
        return self if own is None or own == self.input else replace(self, input=own)
