"""What can come of one try of an attack, and the table of all."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, get_args

from pytest_quant.spec.text import aligned

Outcome = Literal["fine", "refused", "error", "crashed", "wrong", "traceback", "hang"]
"""``fine``: harmless, and what came of it is right. ``refused``: by a message, before anything ran. ``error``: by a
message, when it ran. ``crashed``: a process died, and a record says so. ``wrong``: a verdict that is not true, or a
death without a record. ``traceback``: an exception that is not a message to the user. ``hang``: no end within its
time."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_ALIKE_CHARS = 60
"""Two tries whose texts begin alike are one kind of fault."""

MUST_NOT_BE: frozenset[Outcome] = frozenset({"wrong", "traceback", "hang"})


@dataclass(frozen=True)
class Try:
    """What came of one try."""

    kind: str
    """Of attack: a row of the table."""
    outcome: Outcome
    what: str = ""
    """What was tried and what was seen, in one line; told where the outcome must not be."""


@dataclass
class Budget:
    """How long a part may go on with what has no end of its own, and where its chances come from."""

    seconds: float
    seed: int = 0
    engine: str = "hypothesis"
    """What makes mutants, see `benchmarks.campaign.engines`."""
    only: tuple[str, ...] = ("",)
    """Only kinds whose names begin with one of these are tried."""
    is_small: bool = False
    """Whether faults happen to a smaller project, whose runs are shorter."""
    times: int | None = None
    """How often each kind of fault happens, whatever time it takes; None: while there is time."""
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - mutants, not secrets
        self._end = time.monotonic() + self.seconds

    @property
    def is_left(self) -> bool:
        """Whether there is time for one more try."""
        return time.monotonic() < self._end

    def wants(self, kind: str) -> bool:
        """Whether a kind is one of those to be tried."""
        return kind.startswith(self.only)

    def share(self, parts: int) -> Budget:
        """One of ``parts`` equal shares of the seconds, from now on."""
        return Budget(self.seconds / parts, self.seed, self.engine)


class Table:
    """Counts tries by kind, in the order in which kinds first came."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Outcome]] = {}
        self._bad: dict[tuple[str, str, str], Try] = {}

    def add(self, tries: Iterable[Try]) -> None:
        """Count, until the tries have come to their end or Ctrl-C is pressed.

        Of what must not be, the first of those that look alike are kept in full.
        """
        with suppress(KeyboardInterrupt):
            self._add(tries)

    def _add(self, tries: Iterable[Try]) -> None:
        for one in tries:
            self._counts.setdefault(one.kind, Counter())[one.outcome] += 1
            if one.outcome in MUST_NOT_BE:
                self._bad.setdefault((one.kind, one.outcome, one.what[:_ALIKE_CHARS]), one)

    @property
    def bad(self) -> list[Try]:
        """What must not be."""
        return list(self._bad.values())

    def lines(self) -> Iterator[str]:
        """The table, a line per kind and their sum."""
        rows = [["kind", "tried", *OUTCOMES]]
        total: Counter[Outcome] = Counter()
        for kind, counts in self._counts.items():
            rows.append([kind, *_cells(counts)])
            total += counts
        yield from aligned([*rows, ["all", *_cells(total)]], left=1)


def _cells(counts: Counter[Outcome]) -> Iterator[str]:
    yield str(sum(counts.values()))
    yield from (str(counts[outcome]) for outcome in OUTCOMES)
