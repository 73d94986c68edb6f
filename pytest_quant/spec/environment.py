"""The machine and the versions that a result was made with."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ISA_FLAGS = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_int8", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip
"""Flags of ``/proc/cpuinfo`` for which a runtime has kernels of its own."""


_KERNEL_VARIABLES = (
    "OPENCV_IPP", "OPENCV_CPU_DISABLE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "OPENBLAS_CORETYPE",
    "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA",
    "TF_ENABLE_ONEDNN_OPTS",
)  # fmt: skip
"""Variables by which libraries are told which kernels to take: the same pixels come out otherwise (measured: OpenCV's
`resize` of floats and `warpAffine`, NumPy's `exp`, a product of matrices)."""


def kernels() -> dict[str, str]:
    """What the environment says of kernels, for keys of results; empty as a rule."""
    return {name: os.environ[name] for name in _KERNEL_VARIABLES if name in os.environ}


@cache
def cpu_name() -> str:
    """The processor as the system calls it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


@cache
def cpu_flags() -> tuple[str, ...]:
    """Instruction sets for which runtimes have kernels, sorted; empty where the system does not tell."""
    flags = _cpuinfo()
    found = set((flags.get("flags") or flags.get("Features") or "").split())
    return tuple(sorted(found.intersection(_ISA_FLAGS)))


@cache
def version_of(distribution: str) -> str:
    """Version of an installed distribution; raises `importlib.metadata.PackageNotFoundError`."""
    return version(distribution)


@cache
def code_digest() -> str:
    """SHA-256 over the package's own source: what it makes of predictions is kept no longer than it computes the same.

    The version alone does not tell: between releases it stays as it is.
    """
    return source_digest(Path(__file__).parents[1])


def source_digest(root: Path) -> str:
    """SHA-256 over the names and contents of the ``.py`` files below a folder, read without a detour: a run waits."""
    found = hashlib.sha256()
    for name in sorted(_source_files(str(root), "")):
        with open(os.path.join(root, name), "rb", buffering=0) as file:
            found.update(f"{name}\0".encode() + file.read() + b"\0")
    return found.hexdigest()


def _source_files(folder: str, before: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield before + entry.name
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _source_files(entry.path, f"{before}{entry.name}/")


def versions() -> dict[str, str]:
    """Versions of what every result depends on; `pytest_quant.evaluation.machine` has those of the runtimes."""
    return {
        "pytest_quant": version_of("pytest-quant"),
        "numpy": version_of("numpy"),
        "opencv": version_of("opencv-python-headless"),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _cpuinfo() -> dict[str, str]:
    """The first processor of ``/proc/cpuinfo``; empty on systems without it."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(errors="replace").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
