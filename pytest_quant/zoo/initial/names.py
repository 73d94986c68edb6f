"""What the names of files say of precision, runtime and model."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

_PRECISION = re.compile(r"[-_.]?(int8|quant(ized)?|fp32|float32|fp16|float16|float|opt(imized)?)(?=[-_.]|$)", re.I)
_HALF = re.compile(r"fp16|float16", re.I)
_BEFORE, _BEHIND = r"(?:^|(?<=[-_. ]))", r"(?=[-_. ]|$)"
_FORMS = re.compile(
    rf"{_BEFORE}((full[-_])?integer[-_]quant([-_]with[-_]int16[-_]act)?|dynamic[-_]range[-_]quant|int16x8|u?int8|w8a8"
    r"|fp32|float32|fp16|float16|float|qdq|qlinear|qoperator|qop|static|dynamic|quanti[sz]ed|quant|ptq|qat"
    rf"|simplified|sim|optimized|opt){_BEHIND}",
    re.IGNORECASE,
)
"""Of the files that the tools of ONNX Runtime, OpenVINO, LiteRT and onnx2tf write."""
_RUNTIMES = re.compile(
    rf"{_BEFORE}(saved[-_]model|openvino|onnxruntime|onnx|ort|litert|tflite|ncnn|pnnx|ov|ir|model){_BEHIND}",
    re.IGNORECASE,
)
_SEPARATORS = "-_. "


def base_name(name: str) -> str:
    """A name of an ncnn net without its precision.

    >>> [base_name(name) for name in ("resnet-int8", "resnet_fp32_v2", "floats", "a-opt", "fp32")]
    ['resnet', 'resnet_v2', 'floats', 'a', '']
    """
    return _PRECISION.sub("", name)


def is_half(name: str) -> bool:
    """Whether a name says that it is of half precision."""
    return _HALF.search(name) is not None


def plain_name(name: str) -> str:
    """A name without precision and runtime, as the files of one model share it.

    >>> [plain_name(name) for name in ("net_float32", "net_full_integer_quant", "net-openvino-int8", "FP16")]
    ['net', 'net', 'net', '']
    >>> plain_name("int8_net-v2.model"), plain_name("dynamics-11")
    ('net-v2', 'dynamics-11')
    """
    plain = _RUNTIMES.sub("", _FORMS.sub("", name))
    return re.sub(r"([-_. ])[-_. ]+", r"\1", plain).strip(_SEPARATORS)


def model_key(root: Path, path: Path) -> tuple[str, ...]:
    """What the files of one model have in common: their place without precision and runtime, nothing said twice.

    >>> [model_key(Path("zoo"), Path("zoo") / name) for name in ("FP32/net.xml", "net_saved_model/net_float32.tflite")]
    [('net',), ('net',)]
    """
    parts = [plain_name(part).lower() for part in path.relative_to(root).with_suffix("").parts]
    return tuple(part for part, _ in groupby(filter(None, parts)))


def form_words(root: Path, path: Path) -> str:
    """The words for the precision in a file's name, else in that of its folders; empty where there are none.

    >>> form_words(Path("a"), Path("a/net_full_integer_quant.tflite")), form_words(Path("a"), Path("a/FP16-INT8/n.xml"))
    ('full_integer_quant', 'fp16_int8')
    """
    for part in path.relative_to(root).with_suffix("").parts[::-1]:
        words = [match[0] for match in _FORMS.finditer(part)]
        if words:
            return "_".join(words).lower().replace("-", "_")
    return ""
