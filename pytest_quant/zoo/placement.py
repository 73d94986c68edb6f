"""Which nets of a zoo run on another machine: ``--quant-target``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pytest_quant.extending.known import get_format
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net, NetSpec
from pytest_quant.zoo.reader import BrokenModel, Zoo

TargetNets = Literal["all", "int8"]
"""``int8``: fp32 stays on this machine, since float outputs agree to 105 dB; the cheap plan under emulation."""


@dataclass(frozen=True)
class Placement:
    """The machine that nets run on, where their entries name no other."""

    target: str
    """An execnet gateway specification."""
    nets: TargetNets = "all"

    def of_zoo(self, zoo: Zoo) -> Zoo:
        """The zoo with its nets where they are to run; a net of a runtime that runs here only stays here."""
        return replace(
            zoo, models=tuple(one if isinstance(one, BrokenModel) else self.of_model(one) for one in zoo.models)
        )

    def of_model(self, model: ModelSpec) -> ModelSpec:
        """The same of one model."""
        return replace(model, nets={name: self._placed(name, net) for name, net in model.nets.items()})

    def _placed(self, name: Net, net: NetSpec) -> NetSpec:
        stays = net.target is not None or (name == "fp32" and self.nets == "int8")
        return net if stays or not get_format(net.format).runs_on_targets else replace(net, target=self.target)
