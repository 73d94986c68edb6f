"""``python -m benchmarks.campaign.cost [N]`` measures what the trials of N nets cost, the first time and later."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.campaign.nets import _INPUT
from pytest_quant.evaluation import trials as made
from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.trials import Trials
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.spec.net import ModelNet
from tests import tiny


def main(count: int) -> None:
    """Print the seconds for all, and milliseconds for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nets = [_net(folder, number) for number in range(count)]
        trials = Trials(ContentStore(folder / "kept", folder / "locks"))
        for what in ("first run", "later run"):
            start = time.monotonic()
            for net in nets:
                trials.require(net, (3, 8, 8))
            seconds = time.monotonic() - start
            print(f"{what}: {count} nets in {seconds:.2f} s, {1000 * seconds / count:.1f} ms each")
            made._found.clear()  # as another process has it


def _net(folder: Path, number: int) -> ModelNet:
    files = tiny.write_net(folder, f"n{number}", int8=True, bottom_scale=100 + number)
    entry = NcnnFiles(param=folder / files["param"], bin=folder / files["bin"])
    return ModelNet("int8", NCNN, entry, _INPUT, ("prob",))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
