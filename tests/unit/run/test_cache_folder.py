"""What is guessed before pytest is configured."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.evaluation.kept import TRIALS
from pytest_quant.run.cache_folder import will_try_nets


def keep_a_verdict(cache: Path) -> None:
    (cache / TRIALS).mkdir(parents=True)
    (cache / TRIALS / "verdict").touch()


def test_nets_are_tried_where_no_verdict_is_kept(pytester: pytest.Pytester) -> None:
    named = pytester.parseconfig("--quant", "--quant-cache", "named")
    own = pytester.parseconfig("--quant")
    without = pytester.parseconfig("--quant", "-p", "no:cacheprovider")
    assert [will_try_nets(config) for config in (named, own, without)] == [True, True, True]
    keep_a_verdict(pytester.path / "named")
    keep_a_verdict(pytester.path / ".pytest_cache" / "d" / "quant")
    assert [will_try_nets(config) for config in (named, own, without)] == [False, False, True]
    assert will_try_nets(pytester.parseconfig("--quant", "--quant-no-cache"))


def test_the_ini_file_counts(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nquant = true\nquant_cache = there\n")
    assert will_try_nets(pytester.parseconfig())
    keep_a_verdict(pytester.path / "there")
    assert not will_try_nets(pytester.parseconfig())


@pytest.mark.parametrize("args", [("--quant-executor", "dask://localhost:1"), ("--quant-target", "popen//python=x")])
def test_none_is_tried_here_where_another_process_runs_them(pytester: pytest.Pytester, args: tuple[str, str]) -> None:
    assert not will_try_nets(pytester.parseconfig(*args))
