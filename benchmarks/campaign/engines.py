"""Mutants without end: what makes them, and what comes of each.

``hypothesis`` draws every choice and shrinks what must not be to its simplest form; ``atheris`` goes by the branches of
the code that a mutant reaches, for longer runs; ``seeded`` is a plain generator, the quickest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from benchmarks.campaign.chance import Chance, Drawn, chances
from benchmarks.campaign.outcome import MUST_NOT_BE, Budget, Try

_BATCH = 10
"""Mutants of one kind before it is the next one's turn."""
_GRACE_S = 120.0


@dataclass(frozen=True)
class Target:
    """One kind of mutant."""

    kind: str
    attempt: Callable[[Chance], Try]
    """Makes one mutant by chance and tells what came of it."""


class _FoundError(AssertionError):
    """Something that must not be."""


def explored(part: str, targets: Sequence[Target], budget: Budget) -> Iterator[Try]:
    """One kind after the other while there is time; ``part``: the module whose ``targets`` these are."""
    targets = [target for target in targets if budget.wants(target.kind)]
    if budget.engine == "atheris":
        yield from _fuzzed(part, targets, budget)
        return
    turn = 0
    while targets and budget.is_left:
        for target in targets:
            if budget.engine == "seeded":
                yield target.attempt(budget.random)
            else:
                yield from _shrunk(target, budget.seed + 1_000_000 * turn)
        turn += 1


def _shrunk(target: Target, number: int) -> Iterator[Try]:
    """A batch of hypothesis; of what must not be only the simplest that it came down to."""
    tries: list[Try] = []
    bad: list[Try] = []

    @settings(
        max_examples=_BATCH,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )
    @seed(number)
    @given(chances())
    def batch(chance: Drawn) -> None:
        found = target.attempt(chance)
        if found.outcome in MUST_NOT_BE:
            bad.append(found)
            raise _FoundError(found.what)
        tries.append(found)

    try:
        batch()
    except (_FoundError, Flaky):
        tries.append(bad[-1])
    yield from tries


def check_engine(engine: str) -> str | None:
    """Why an engine cannot be used here; None: it can."""
    if engine == "atheris" and find_spec("atheris") is None:
        return "--engine atheris: the package atheris is not installed: pip install atheris (Linux and macOS)"
    return None


def _fuzzed(part: str, targets: Sequence[Target], budget: Budget) -> Iterator[Try]:
    """Each kind in a process of its own, since atheris ends the one that it runs in; equal shares of the time."""
    seconds = max(1, round(budget.seconds / len(targets)))
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder, "tries")
            words = [part, target.kind, str(seconds), str(budget.seed), str(told)]
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.campaign.fuzz", *words],
                capture_output=True,
                timeout=seconds + _GRACE_S,
                check=False,
            )
            tries = [Try(**json.loads(line)) for line in told.read_text().splitlines()] if told.exists() else []
        yield from tries
        if done.returncode or not tries:
            said = done.stderr.decode(errors="replace").strip()[-400:]
            yield Try(target.kind, "wrong", f"the process of atheris ended with {done.returncode}: {said}")


def line_of(found: Try) -> str:
    """A try as the process of atheris writes it down."""
    return json.dumps(asdict(found)) + "\n"
