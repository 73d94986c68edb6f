"""Arrays of a sample to the inputs of a net, as its entry says which goes where."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_quant.datasets.base import Content, Sample
from pytest_quant.nets.given import AnyArray
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.net import InputSpec
from pytest_quant.spec.text import listed

PROTOCOL_VERSION = 1
"""Part of fingerprints: raise it when the same files give other inputs than before."""


def array_inputs(net_input: InputSpec, content: Content, sample: Sample) -> dict[str, AnyArray]:
    """Name of each input to its array, as stored.

    Raises `DatasetError` for an array that the sample lacks, and for a dataset that gives no arrays.
    """
    if not isinstance(content, Mapping):
        raise DatasetError(
            f"sample {sample.id}: its dataset gives {type(content).__name__}, and `inputs` of the model takes arrays "
            "by key: a dataset of type `arrays`, or one of your own whose `read` gives them"
        )
    if getattr(content, "is_single", False) and len(net_input.arrays) > 1:
        raise DatasetError(
            f"sample {sample.id}: is a .npy file, which holds one array; the model takes {len(net_input.arrays)} "
            f"({listed(one.name for one in net_input.arrays)}): save them as .npz, numpy.savez(file, "
            f"{listed(f'{one.key}=...' for one in net_input.arrays)})"
        )
    try:
        return {one.name: content[one.key] for one in net_input.arrays}
    except KeyError as error:
        raise DatasetError(
            f"sample {sample.id}: has no array {error.args[0]!r}; its arrays: {listed(content) or 'none'}"
        ) from None
