"""The models whose speed is measured: real ones of the shared folder, and a miniature of ``fixtures/``."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from benchmarks.target_throughput import ZOO, read_models
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo

FIXTURES = Path(__file__).parents[2] / "fixtures"
REAL = {"squeezenet": 400, "resnet20": 10000}
"""Model to samples: all of its dataset."""


def real_models(shared: Path) -> dict[str, ModelSpec]:
    """ResNet-20 (32x32) and SqueezeNet (227x227, JPEG)."""
    return {model.name: model for model in read_models(shared)}


def miniature() -> ModelSpec:
    """ResNet-18 of ``fixtures/``, whose images lie in CIFAR-10's own files."""
    found = read_zoo(FIXTURES / "zoo.quant.yaml").models
    return next(model for model in found if isinstance(model, ModelSpec) and model.name == "resnet18")


def write_zoo(
    folder: Path, shared: Path, name: str, copies: int = 1, samples: int | None = None, first: int = 0
) -> None:
    """A zoo file with one of the real models, ``copies`` times under other names with an input of other means.

    A model with the same files and inputs as another one would find the predictions of that one.
    """
    zoo: dict[str, Any] = yaml.safe_load(ZOO.format(shared=shared.resolve()))
    entry = zoo["models"][name]
    if samples is not None:
        entry["samples"] = samples
    models = {}
    for index in range(first, first + copies):
        models[f"{name}-{index}"] = other = copy.deepcopy(entry)
        other["input"]["mean"] = [mean + index / 1000 for mean in entry["input"]["mean"]]
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(zoo | {"models": models}, sort_keys=False))


def give_own_nets(zoo: Path) -> Path:
    """Write each model of a zoo file nets of its own beside it, whose layers have other names; gives the zoo file.

    Their ``.bin`` files are links to one: a collection reads each by itself, and only pages of it.
    """
    content = yaml.safe_load(zoo.read_text())
    for name, entry in content["models"].items():
        for side in ("fp32", "int8"):
            found = {key: Path(path) for key, path in entry[side].items()}
            head, count, *layers = found["param"].read_text().splitlines()
            words = [layer.split(maxsplit=2) for layer in layers]
            renamed = [f"{kind} {layer}-{name} {rest}" for kind, layer, rest in words]
            own = zoo.parent / f"{name}-{side}.param"
            own.write_text("\n".join([head, count, *renamed, ""]))
            own.with_suffix(".bin").symlink_to(found["bin"])
            entry[side] = {"param": own.name, "bin": own.with_suffix(".bin").name}
    zoo.write_text(yaml.safe_dump(content, sort_keys=False))
    return zoo
