"""Child processes of the tests: python code that runs beside the test until it is told otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pytest_quant.evaluation.store import PredictionStore, ShardKey

ROOT = Path(__file__).parents[3]

HOLD_CLAIM = """
import sys
from pathlib import Path
from pytest_quant.evaluation.store import PredictionStore, ShardKey

store = PredictionStore(Path(sys.argv[1]), Path(sys.argv[2]))
release = store.try_claim([ShardKey(sys.argv[3], sys.argv[4])])
print("claimed" if release else "refused", flush=True)
sys.stdin.read()
"""


def environment() -> dict[str, str]:
    """The environment with the project importable and bytecode written, which makes later children fast."""
    found = {**os.environ, "PYTHONPATH": str(ROOT)}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


@contextmanager
def child(code: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """Run ``code`` in a child with pipes; it is killed at the end if it has not ended."""
    command = [sys.executable, "-c", code, *map(str, args)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def claimed(store: PredictionStore, keys: Sequence[ShardKey]) -> Iterator[None]:
    """Hold a claim that nobody else has."""
    release = store.try_claim(keys)
    assert release is not None
    try:
        yield
    finally:
        release()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that a child prints; waits for it."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
