"""What the files of nets were found to say, kept between runs: a large zoo is collected in every process of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_quant.evaluation.content_store import keep_in, used_in
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.nets.known_facts import KNOWN
from pytest_quant.spec.environment import code_digest


class KeptFacts:
    """One file per zoo file under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def of_zoo(self, zoo: str) -> Iterator[None]:
        """Know what the reading of a zoo file found the last time, and keep what it finds this time.

        ``zoo`` is a name for it, which says where to look and no more: each fact has what it was found from. The name
        of the file has the source of this package, whose rules they were found by.
        """
        path = self._folder / f"{sha256_json([code_digest(), zoo])[:32]}.facts"
        kept = used_in(path)
        before = set() if kept is None else KNOWN.load(kept)
        with KNOWN.noting() as used:
            yield
            if used != before:
                with suppress(OSError):  # a cache that cannot be written is told where predictions are to be kept
                    keep_in(path, KNOWN.dumped(used))
