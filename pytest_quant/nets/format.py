"""What a net format is to the rest of the project: a runtime and the files it takes, from an entry's keys to arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from pytest_quant.nets.base import Runner
from pytest_quant.spec.net import ModelNet


class NetKeys(BaseModel):
    """The keys of a net's entry that are its format's own. A field of type `Path` is a file beside the zoo file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class OneFile(NetKeys):
    """A net that is one file: ``{mnn: model.mnn}`` for the format ``mnn``."""

    file: Path


@dataclass(frozen=True)
class StaticFacts:
    """What the files of a net say without being run."""

    quantized: Mapping[str, int] = field(default_factory=dict)
    """Type of layer to how many of them compute in int8; empty for a float net."""
    quantizable: Mapping[str, int] = field(default_factory=dict)
    """Type of layer to how many there are that could, the quantized ones included."""
    form: str = ""
    """How they are quantized, where the format has more than one way: ``QDQ``, ``dynamic``, ..."""
    kept_float: tuple[str, ...] = ()
    """The names of those that could be quantized and are not, where the format tells them."""
    output_channels: Mapping[str, int] = field(default_factory=dict)
    """Output to its number of channels or classes, where the files tell."""
    notes: tuple[str, ...] = ()
    """What is odd in the files, and harmless: told before a run."""


class NetFormat(ABC):
    """One way to store and to run a net; a folder under ``nets/``, or a user's own.

    A format of the name ``mnn`` that keeps the defaults is used as ``int8: {mnn: model.mnn}``.
    """

    keys: ClassVar[type[NetKeys]] = OneFile
    """Its keys; a path alone stands for ``{file: ...}``."""
    stands_flat: ClassVar[bool] = False
    """Whether its keys stand in the net's entry themselves, instead of under the format's name."""
    int8_keys: ClassVar[frozenset[str]] = frozenset()
    """Those of its keys that a float net does not have."""

    condition_names: ClassVar[tuple[str, ...]] = ()
    """The names that `conditions` gives for every net of the format."""

    runs_on_targets: ClassVar[bool] = False
    """Whether `open` minds ``net.target``; then there is `told_by` too."""

    @abstractmethod
    def version(self) -> str:
        """Version of the runtime: part of every cache key and of the report. Imports nothing heavy.

        Raises `importlib.metadata.PackageNotFoundError` where the runtime is not installed.
        """

    @abstractmethod
    def inspect(self, net: ModelNet) -> StaticFacts:
        """What the files say, held against the entry before the runtime touches them.

        Raises `ModelFileError` for a damaged file, `ConfigError` for one that does not fit ``net.input`` or
        ``net.outputs``.
        """

    @abstractmethod
    def open(self, net: ModelNet) -> Runner:
        """Load the net on one thread; its runner takes float32 (channels, height, width) and gives ``net.outputs``.

        Raises `ModelFileError` where the runtime cannot load it, and what `inspect` raises.
        """

    def files(self, net: ModelNet) -> Mapping[str, Path]:
        """All files of the net, by what follows the net's name in reports: ``""`` for the only one, ``.bin``, ..."""
        return {"": net.entry.file}

    def key(self, net: ModelNet, digests: Mapping[str, str]) -> Mapping[str, object]:
        """What can change an output beside the samples and ``net.outputs``, as JSON values.

        ``digests``: SHA-256 of each of `files`, by the same names.
        """
        options = net.entry.model_dump(mode="json", exclude={"file"})
        return {
            "version": self.version(),
            "files": dict(digests),
            "options": options,
            "names": [net.input_names, net.output_names],
            "runtime": net.runtime,
        }

    def warning(self, net: ModelNet) -> str:
        """What to beware of in a quantized net of this format; empty as a rule."""
        return ""

    def faults(self, net: ModelNet) -> tuple[str, ...]:
        """What in the files makes a quantized net worthless, such as an infinite scale, each with its layer."""
        return ()

    def faults_beside(self, net: ModelNet, fp32: ModelNet) -> tuple[str, ...]:
        """The same of what only the float net shows, whatever its format is; called where `faults` finds nothing."""
        return ()

    def conditions(self, net: ModelNet) -> Mapping[str, object]:
        """What the report says of how the net is run, by `condition_names`; plain JSON values that `key` covers too."""
        return {}

    def told_by(self, target: str) -> str:
        """Name and version of the runtime on a target, with its machine."""
        raise NotImplementedError(f"{type(self).__name__} runs on no target")

    def instruction_sets(self) -> tuple[str, ...]:
        """The instruction sets that the runtime itself can tell it would use here; empty where it cannot."""
        return ()
