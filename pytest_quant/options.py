"""Command line and ini options become one frozen `Settings`; nothing else reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

Inconclusive = Literal["fail", "pass"]

REPORT_SUFFIXES = (".json", ".md")


@dataclass(frozen=True)
class Settings:
    """What the user asked for, checked."""

    enabled: bool
    zoo_files: tuple[Path, ...]
    """Zoo files for tests in Python; empty: those in the test file's folder and its parents."""
    samples: int | None
    """Size of the subset, over what zoo files say; None: as they say."""
    whole: bool
    """``--quant-samples all``."""
    seed: int
    confidence: float
    """One-sided confidence of a verdict."""
    inconclusive: Inconclusive
    early_stop: bool
    """Whether a model's evaluation ends as soon as its verdicts are certain."""
    strict: bool
    jobs: int | None
    """Cores to use in all; None: all there are."""
    cache_dir: Path | None
    """Where predictions are kept between runs; None: pytest's cache folder."""
    keep: bool
    """Whether predictions are kept between runs."""
    reports: tuple[Path, ...]
    max_tolerance_pct: float | None
    """Share of a metric's range from which on a tolerance is refused; None: the usual 10 %."""


def add_options(parser: pytest.Parser) -> None:
    """Register the options; the ini names have ``_`` where the command line has ``-``."""
    group = parser.getgroup("quant", "accuracy of quantized models")
    group.addoption("--quant", action="store_true", dest="quant", default=None, help="Run the accuracy cases")
    group.addoption(
        "--no-quant",
        action="store_false",
        dest="quant",
        default=None,
        help="Skip the accuracy cases in spite of the ini option",
    )
    parser.addini("quant", "Run the accuracy cases", type="bool", default=False)
    _add(
        parser, group, "zoo", action="append", metavar="FILE", ini_type="linelist",
        help="Zoo file for tests in Python (repeatable; ini: globs relative to rootdir)",
    )  # fmt: skip
    _add(
        parser, group, "samples", metavar="N",
        help="Evaluate a seeded random subset of N samples per dataset, or `all`; beats `samples` in zoo files",
    )  # fmt: skip
    _add(parser, group, "seed", metavar="S", help="Seed of the subset and of the order of samples (default: 0)")
    _add(parser, group, "confidence", metavar="P", help="One-sided confidence of a verdict (default: 0.95)")
    _add(
        parser, group, "inconclusive", metavar="fail|pass",
        help="What a sampled case does when the evidence decides neither way (default: fail)",
    )  # fmt: skip
    _add(
        parser, group, "early-stop", action="store_true", ini_type="bool",
        help="Stop a model as soon as the verdicts of its cases on the whole dataset are certain",
    )  # fmt: skip
    _add(parser, group, "strict", action="store_true", ini_type="bool", help="Fail where a dataset is missing")
    _add(
        parser, group, "jobs", metavar="N",
        help="Cores to use in all, shared between xdist workers (default: all)",
    )  # fmt: skip
    _add(
        parser, group, "cache", metavar="DIR",
        help="Folder that keeps predictions between runs (default: in pytest's cache folder; ini: relative to rootdir)",
    )  # fmt: skip
    _add(parser, group, "no-cache", action="store_true", ini_type="bool", help="Keep no predictions between runs")
    _add(
        parser, group, "report", action="append", metavar="FILE", ini_type="linelist",
        help="Write a report; the suffix chooses: .json or .md (repeatable)",
    )  # fmt: skip
    parser.addini(
        "quant_max_tolerance",
        "Tolerances of this share of the metric's range or more are refused as unit mistakes, in percent (default: 10)",
        type="string",
        default="",
    )


def _add(
    parser: pytest.Parser,
    group: pytest.OptionGroup,
    name: str,
    *,
    help: str,  # noqa: A002 - as argparse calls it
    ini_type: Literal["string", "bool", "linelist"] = "string",
    **kwargs: Any,
) -> None:
    """One option on the command line and in the ini file; None on the command line means that it was not given."""
    dest = f"quant_{name.replace('-', '_')}"
    group.addoption(f"--quant-{name}", dest=dest, default=None, help=help, **kwargs)
    parser.addini(dest, help, type=ini_type, default={"string": "", "bool": False, "linelist": []}[ini_type])


def read_settings(config: pytest.Config) -> Settings:
    """Read and check all options; raises `pytest.UsageError` for a value that cannot be used."""
    samples = _text(config, "samples")
    max_tolerance = str(config.getini("quant_max_tolerance"))
    return Settings(
        enabled=bool(_value(config, "quant")),
        zoo_files=_zoo_files(config),
        samples=None if samples in ("", "all") else _whole_number("samples", samples, 1, " or `all`"),
        whole=samples == "all",
        seed=_whole_number("seed", _text(config, "seed") or "0", 0),
        confidence=_confidence(_text(config, "confidence") or "0.95"),
        inconclusive=_inconclusive(_text(config, "inconclusive") or "fail"),
        early_stop=bool(_value(config, "quant_early_stop")),
        strict=bool(_value(config, "quant_strict")),
        jobs=_whole_number("jobs", _text(config, "jobs"), 1) if _text(config, "jobs") else None,
        cache_dir=_cache_dir(config),
        keep=not _value(config, "quant_no_cache"),
        reports=_reports(config),
        max_tolerance_pct=_max_tolerance(max_tolerance) if max_tolerance else None,
    )


def _value(config: pytest.Config, name: str) -> Any:
    given = config.getoption(name)
    return config.getini(name) if given is None else given


def _text(config: pytest.Config, name: str) -> str:
    return str(_value(config, f"quant_{name}")).strip()


def _whole_number(name: str, text: str, least: int, other: str = "") -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise pytest.UsageError(f"--quant-{name}: found {text!r}, expected a whole number of {least} or more{other}")
    return number


def _number(name: str, text: str, expected: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise pytest.UsageError(f"{name}: found {text!r}, expected {expected}") from None


def _confidence(text: str) -> float:
    expected = "a number above 0.5 and below 1, such as 0.95"
    number = _number("--quant-confidence", text, expected)
    if not 0.5 < number < 1:
        raise pytest.UsageError(f"--quant-confidence: found {text!r}, expected {expected}")
    return number


def _inconclusive(text: str) -> Inconclusive:
    if text == "fail":
        return "fail"
    if text == "pass":
        return "pass"
    raise pytest.UsageError(f"--quant-inconclusive: found {text!r}, expected fail or pass")


def _max_tolerance(text: str) -> float:
    expected = "a percentage above 0 and up to 100, such as 10"
    number = _number("quant_max_tolerance", text, expected)
    if not 0 < number <= 100:
        raise pytest.UsageError(f"quant_max_tolerance: found {text!r}, expected {expected}")
    return number


def _zoo_files(config: pytest.Config) -> tuple[Path, ...]:
    given = config.getoption("quant_zoo")
    if given is not None:
        files = tuple((config.invocation_params.dir / name).absolute() for name in given)
        for file in files:
            if not file.is_file():
                raise pytest.UsageError(f"--quant-zoo: {file} does not exist")
        return files
    found: dict[Path, None] = {}
    for pattern in config.getini("quant_zoo"):
        try:
            files = tuple(sorted(config.rootpath.glob(pattern)))
        except (ValueError, NotImplementedError) as error:
            raise pytest.UsageError(
                f"quant_zoo: {pattern!r} is no pattern of paths relative to {config.rootpath}: {error}"
            ) from None
        if not files:
            raise pytest.UsageError(f"quant_zoo: {pattern!r} matches no file below {config.rootpath}")
        found |= dict.fromkeys(files)
    return tuple(found)


def _cache_dir(config: pytest.Config) -> Path | None:
    given = config.getoption("quant_cache")
    if given is not None:
        return Path(config.invocation_params.dir / given).absolute()
    from_ini = str(config.getini("quant_cache"))
    return config.rootpath / from_ini if from_ini else None


def _reports(config: pytest.Config) -> tuple[Path, ...]:
    paths = tuple((config.invocation_params.dir / name).absolute() for name in _value(config, "quant_report"))
    for path in paths:
        if path.suffix == ".html":
            raise pytest.UsageError(
                f"--quant-report: {path.name}: this version writes no HTML report, expected .json or .md"
            )
        if path.suffix not in REPORT_SUFFIXES:
            raise pytest.UsageError(f"--quant-report: {path.name}: expected a file name that ends in .json or .md")
        if path.is_dir():
            raise pytest.UsageError(f"--quant-report: {path} is a folder, expected the name of a file")
    return paths
