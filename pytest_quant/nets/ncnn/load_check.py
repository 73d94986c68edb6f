"""What the installed ncnn's ``load_param`` refuses in a network, told before anything is made from it.

Which parameters a layer takes is ncnn's to say, and differs between versions: kinds of pooling, of padding, of
activations, sizes that do not divide. So it is ncnn that is asked, with the layers it lacks left out. ``load_param``
touches no weights and survives whatever parameters it is given (tried at random on every layer type).
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import ncnn

from pytest_quant.nets.ncnn.files.canonical import format_layer
from pytest_quant.nets.ncnn.files.param import MAGIC, Layer, Param
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import listed, shown

_STDERR = 2
_redirecting = threading.Lock()
_REFUSED = re.compile(r"layer load_param (\d+) |layer (\d+)$", re.MULTILINE)
_LACKING = re.compile(r"layer (\S+) not exists or registered")


def check_loads(param: Param) -> tuple[str, ...]:
    """Return the layer types that the installed ncnn lacks: custom ones, and those that are built only on demand.

    Raises:
        ModelFileError: ncnn refuses a layer by its parameters, with the layer and, where they can be told, which.

    """
    lines = param.path.read_text(encoding="utf-8").splitlines()
    lacking: dict[str, None] = {}
    while True:
        texts = [_placeholder(one) if one.type in lacking else lines[one.line - 1] for one in param.layers]
        code, printed = _load(texts, len(param.blobs))
        if code == 0:
            return tuple(lacking)
        missing = _LACKING.search(printed)
        if missing is not None and missing[1] not in lacking:
            lacking[missing[1]] = None
        else:
            raise _refusal(param, printed)


def _placeholder(layer: Layer) -> str:
    return format_layer(layer._replace(type="Noop", params={}))


def _refusal(param: Param, printed: str) -> ModelFileError:
    found = _REFUSED.search(printed)
    own = "; ".join(line for line in printed.splitlines() if not line.startswith("layer load_param"))
    says = f" ({own})" if own else ""
    if found is None:
        return ModelFileError(f"{shown(param.path)}: ncnn {ncnn.__version__} cannot load it{says}")
    layer = param.layers[int(found[1] or found[2])]
    culprits = listed(f"{key}={_text(layer, key)}" for key in _culprits(layer))
    which = f": it would take the layer without {culprits}" if culprits else ""
    return param.error(layer, f"ncnn {ncnn.__version__} refuses it{which}{says}")


def _text(layer: Layer, key: int) -> str:
    value = layer.params[key]
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _culprits(layer: Layer) -> Iterator[int]:
    """The parameters without any one of which ncnn would take the layer."""
    inputs = [f"Input in{number} 0 1 {blob}" for number, blob in enumerate(dict.fromkeys(layer.bottoms))]
    blobs = len(inputs) + len(layer.tops)
    for key in layer.params:
        rest = {other: value for other, value in layer.params.items() if other != key}
        if _load([*inputs, format_layer(layer._replace(params=rest))], blobs)[0] == 0:
            yield key


def _load(layers: Sequence[str], blobs: int) -> tuple[int, str]:
    """The return code of ncnn's ``load_param`` for these lines, and what it printed."""
    text = "\n".join([str(MAGIC), f"{len(layers)} {blobs}", *layers, ""])
    net = ncnn.Net()
    with _printed() as file:
        code = int(net.load_param_mem(text))
        file.seek(0)
        printed = file.read().decode(errors="replace").strip()
    net.clear()
    return code, printed


@contextmanager
def _printed() -> Iterator[IO[bytes]]:
    """A file that gets what C code of this process prints to stderr meanwhile; one thread at a time."""
    with _redirecting, tempfile.TemporaryFile() as file:
        kept = os.dup(_STDERR)
        try:
            os.dup2(file.fileno(), _STDERR)
            try:
                yield file
            finally:
                os.dup2(kept, _STDERR)
        finally:
            os.close(kept)
