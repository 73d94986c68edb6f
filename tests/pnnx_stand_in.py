"""A package `pnnx` whose program writes the net of `tests.tiny`, for machines without the real one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import tiny

VERSION = "20990101"

_PROGRAM = """#!{python}
import sys
from pathlib import Path

HERE = Path({folder!r})
with open(HERE / "calls.log", "a") as log:
    log.write(" ".join(sys.argv[1:]) + chr(10))
print("############# pass_level1 onnx")
{extra}
stem = Path(sys.argv[1]).with_suffix("")
Path(f"{{stem}}.ncnn.param").write_text((HERE / "net.param").read_text().replace("data", "in0").replace("prob", "out0"))
Path(f"{{stem}}.ncnn.bin").write_bytes((HERE / "net.bin").read_bytes())
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, extra: str = "") -> None:
    """Put it in front of `sys.path` of this process; ``extra`` is Python that runs before it writes."""
    package = folder / "pnnx"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('No module named torch')\n")
    tiny.write_net(folder, "net")
    program = package / "pnnx"
    program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder), extra=extra))
    program.chmod(0o755)
    info = folder / f"pnnx-{VERSION}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pnnx\nVersion: {VERSION}\n")
    monkeypatch.syspath_prepend(folder)


def calls(folder: Path) -> list[str]:
    """The command lines of the program so far."""
    log = folder / "calls.log"
    return log.read_text().splitlines() if log.exists() else []
