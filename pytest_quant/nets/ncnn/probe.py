"""First contact with a net that the file checks do not know whole: load it and run it once in a child process.

ncnn ends the process on some broken files; in a child that becomes a message.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import shown

TIMEOUT_S = 300.0


def probe(
    files: NcnnFiles,
    input_blob: str,
    shape: tuple[int, ...],
    outputs: tuple[str, ...],
    rows: frozenset[str] = frozenset(),
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Load ``files`` and run one input of zeros of ``shape`` in a child; raises `ModelFileError` if that fails.

    ``rows`` as in `NetSetup`.
    """
    request = json.dumps(
        {
            "param": str(files.param),
            "bin": str(files.bin),
            "input": input_blob,
            "shape": list(shape),
            "outputs": list(outputs),
            "rows": sorted(rows),
        }
    )
    command = [sys.executable, "-m", "pytest_quant.nets.ncnn.probe"]
    try:
        child = subprocess.run(
            command, input=request, capture_output=True, text=True, timeout=timeout_s, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{shown(files.param)}: a trial run in a child process did not end within {timeout_s:g} seconds"
        ) from None
    if child.returncode == 0:
        return
    said = " / ".join(line for line in child.stderr.strip().splitlines()[-3:]) or "nothing"
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        how = f"a trial run in a child process died of {name}: the .param and .bin do not fit each other or are damaged"
    else:
        how = "a trial run in a child process failed"
    raise ModelFileError(f"{shown(files.param)} with {shown(files.bin)}: {how} (it printed: {said})")


def _main() -> int:
    import numpy as np

    from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
    from pytest_quant.spec.errors import QuantError

    request = json.load(sys.stdin)
    files = NcnnFiles(param=Path(request["param"]), bin=Path(request["bin"]))
    outputs, rows = tuple(request["outputs"]), frozenset(request["rows"])
    try:
        runner = NcnnRunner(NetSetup(files, request["input"], outputs, "reference", rows=rows))
        runner.run(np.zeros(request["shape"], np.float32))
    except QuantError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
