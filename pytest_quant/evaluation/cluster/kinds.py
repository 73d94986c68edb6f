"""Workers by what they say of themselves: which of them may do the shards of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_quant.evaluation.cluster.asking import facts
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.text import first_few, listed

NEEDED = (
    *("pytest-quant", "numpy", "opencv-python-headless", "Pillow", "scipy", "shapely", "pyclipper", "ncnn"),
    "distributed",
)
"""Distributions that every worker must have in the version of this machine: predictions depend on them."""
OPTIONAL = ("onnxruntime", "openvino", "ai-edge-litert")
"""Those that must have the same version where both sides have them."""


class ClusterError(QuantError):
    """The cluster cannot be reached, or cannot do what it is asked."""


@dataclass(frozen=True)
class Kind:
    """What int8 results differ by: a model's shards are never done by two kinds."""

    machine: str
    """Such as ``aarch64``."""
    isa: tuple[str, ...]
    """Instruction sets, as the package itself tells them on that machine."""

    def __str__(self) -> str:
        return f"{self.machine} ({' '.join(self.isa) or 'no instruction set told'})"


@dataclass(frozen=True)
class Identity:
    """What a machine must be to take part: its kind, and everything that is installed there."""

    kind: Kind
    versions: tuple[tuple[str, str], ...]
    code: str
    """Digest of the source of this package."""
    cpu: str = field(default="", compare=False)
    host: str = field(default="", compare=False)

    @classmethod
    def of(cls, told: Mapping[str, object]) -> Identity:
        """From what `asking.facts` gives."""
        isa, versions = told.get("isa", ()), told["versions"]
        assert isinstance(isa, (tuple, list))  # noqa: S101 - our own words
        assert isinstance(versions, dict)  # noqa: S101
        return cls(
            Kind(str(told["machine"]), tuple(isa)),
            tuple(sorted(versions.items())),
            str(told.get("code", "")),
            str(told.get("cpu", "")),
            str(told["host"]),
        )


def own_identity() -> Identity:
    """Of this machine."""
    return Identity.of(facts((*NEEDED, *OPTIONAL)))


def difference(here: Identity, there: Identity) -> str | None:
    """Why a machine cannot compute what this one would, in words; None: it can, if it is of the same kind."""
    own, other = dict(here.versions), dict(there.versions)
    for name in ("python", *NEEDED, *OPTIONAL):
        if name not in own or own[name] == other.get(name):
            continue
        if name in other:
            return f"has {name} {other[name]}, expected {own[name]} as here"
        if name in NEEDED:
            return f"lacks {name}, expected {own[name]} as here"
    if here.code != there.code:
        return f"has another source of pytest-quant {own['pytest-quant']} than here, expected the same"
    return None


def check(url: str, here: Identity, workers: Mapping[str, Identity]) -> None:
    """Raise `ClusterError` where a worker has other versions than this machine."""
    found = {address: difference(here, there) for address, there in workers.items()}
    wrong = [f"{address} on {workers[address].host} {why}" for address, why in found.items() if why is not None]
    if wrong:
        raise ClusterError(
            f"{url}: {len(wrong)} of {len(workers)} workers cannot take part: {first_few(wrong)}; install the same "
            "versions everywhere: predictions depend on them"
        )


def choose(url: str, here: Kind, kinds: Collection[Kind], wanted: Kind | None = None) -> Kind:
    """The kind of workers that does the shards: that of this machine where there is one of it, else the only one.

    ``wanted``: what another process of the run has chosen. Raises `ClusterError` where there is none, or the choice is
    the user's.
    """
    if wanted is not None:
        if wanted not in kinds:
            raise ClusterError(f"{url}: the run is on workers of {wanted}, of which there are none any more")
        return wanted
    if here in kinds:
        return here
    found: Sequence[Kind] = sorted(set(kinds), key=str)
    if len(found) != 1:
        raise ClusterError(
            f"{url}: the workers are of {len(found)} kinds, none of which is that of this machine, {here}: "
            f"{listed(map(str, found))}; int8 results differ between them: start workers of one kind, or run pytest on "
            "a machine of the kind that is meant"
        )
    return found[0]
