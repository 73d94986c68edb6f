"""Net formats whose nets end the process that loads or runs them, each in its own way."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from pytest_quant.nets.base import Array
from pytest_quant.nets.format import NetFormat, OneFile, StaticFacts
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import InputSpec, ModelNet

INPUT = InputSpec("data", (8, 8), "rgb", (0.0,) * 3, (1.0,) * 3)


class DeadlyFormat(NetFormat):
    """The file says in words what is to happen when its net is run; a `.log` of its name has each first run."""

    def version(self) -> str:
        return "1"

    def inspect(self, net: ModelNet) -> StaticFacts:
        return StaticFacts()

    def open(self, net: ModelNet) -> DeadlyRunner:
        if net.entry.file.read_text() == "refuse":
            print("deadly: no such layer", file=sys.stderr)
            raise ModelFileError(f"{net.entry.file.name}: cannot be loaded")
        return DeadlyRunner(net.entry.file)


class DeadlyRunner:
    poisoned = False
    """A net before has overwritten memory; this process dies of the next one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._runs = 0

    def run(self, array: Array) -> dict[str, Array]:
        word, *rest = self._file.read_text().split()
        if not self._runs:
            with self._file.with_suffix(".log").open("a") as log:
                log.write(f"{os.getpid()} {array.shape}\n")
        self._runs += 1
        print(f"deadly: {word}", file=sys.stderr, flush=True)
        os.write(1, b"what a runtime prints to stdout\n")
        if DeadlyRunner.poisoned and word != "poison":
            signal.raise_signal(signal.SIGSEGV)
        DeadlyRunner.poisoned = word == "poison"
        if word == "die":
            signal.raise_signal(getattr(signal, rest[0]))
        elif word == "given" and array.max() > 100:
            signal.raise_signal(signal.SIGSEGV)
        elif word == "exit":
            os._exit(int(rest[0]))
        elif word == "hang":
            time.sleep(60)
        elif word == "memory":
            raise MemoryError
        elif word == "fail":
            raise RunnerError("cannot take this input")
        return {"out": np.zeros(1, np.float32)}

    def close(self) -> None:
        """Nothing is held."""


def net(folder: Path, word: str) -> ModelNet:
    file = folder / "net.deadly"
    file.write_text(word)
    return ModelNet("fp32", "deadly", OneFile(file=file), INPUT, ("out",))
