"""Command line and ini options become one frozen `Settings`; nothing else reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from pytest_quant.plugin.option_values import (
    above_zero,
    called_path,
    given_path,
    given_text,
    given_value,
    ini_count,
    ini_percentage,
    number,
    whole_number,
)
from pytest_quant.spec.columns import TITLES
from pytest_quant.spec.part import Part
from pytest_quant.spec.verdict import Inconclusive


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
    part: Part | None
    """Which part of every dataset is evaluated; None: all of it."""
    early_stop: bool
    """Whether a model's evaluation ends as soon as its verdicts are certain."""
    whole_table: bool
    """Whether the confidence is that of all sampled cases together, by Holm's correction."""
    strict: bool
    rescue: bool
    """Whether a repair of models whose drop is too large is looked for."""
    rescue_folder: Path
    """Where repaired nets are written: beside the first report, else where pytest was called."""
    diagnose: bool
    """Whether every model is diagnosed layer by layer; else only one whose drop is too large."""
    diagnose_failing: bool
    """Whether one whose drop is too large is diagnosed, where not every model is."""
    jobs: int | None
    """Cores to use in all; None: all there are."""
    cache_dir: Path | None
    """Where predictions are kept between runs; None: pytest's cache folder."""
    keep: bool
    """Whether predictions are kept between runs."""
    cache_size_gb: float
    """What the cache may take; at the end of a run what was not used for longest goes."""
    rehash: bool
    """Whether digests of images that an earlier run took are not trusted."""
    timeout_s: float
    """Longest time for one sample."""
    max_pixels: int
    """Images of more pixels are not decoded."""
    progress: bool
    """Whether it is shown what the run is at."""
    columns: tuple[str, ...]
    """Those of the table on the terminal, by their names; empty: those that there is room for."""
    reports: tuple[Path, ...]
    pictures: int
    """How many samples of a model an HTML report shows at most."""
    executor: str | None
    """The address of the cluster that evaluates; None: this machine."""
    target: str | None
    """The machine that runs the nets, as an execnet gateway specification; None: this one."""
    target_nets: Literal["all", "int8"]
    """Whether fp32 runs there, too."""
    baseline: Path | None
    """The committed baseline to compare with, or to rewrite."""
    update_baseline: bool
    history: Path | None
    """The SQLite file that keeps every run."""
    baseline_within_pct: float
    """How much worse than the baseline int8 may be, in percent of the metric's range."""
    max_tolerance_pct: float | None
    """Share of a metric's range from which on a tolerance is refused; None: the usual 10 %."""

    @property
    def illustrated(self) -> bool:
        """Whether a report shows pictures and curves."""
        return any(path.suffix == ".html" for path in self.reports)


def read_settings(config: pytest.Config) -> Settings:
    """Read and check all options; raises `pytest.UsageError` for a value that cannot be used."""
    samples = given_text(config, "samples")
    enabled = bool(given_value(config, "quant"))
    update = bool(config.getoption("quant_update_baseline"))
    return Settings(
        enabled=enabled,
        zoo_files=_zoo_files(config) if enabled else (),
        samples=None if samples in ("", "all") else whole_number("samples", samples, 1, " or `all`"),
        whole=samples == "all",
        seed=whole_number("seed", given_text(config, "seed") or "0", 0),
        confidence=_confidence(given_text(config, "confidence") or "0.95"),
        inconclusive=_inconclusive(given_text(config, "inconclusive") or "fail"),
        part=_part(config),
        early_stop=bool(given_value(config, "quant_early_stop")),
        whole_table=_whole_table(config),
        strict=bool(given_value(config, "quant_strict")),
        rescue=bool(given_value(config, "quant_rescue")),
        rescue_folder=_rescue_folder(config),
        diagnose=bool(given_value(config, "quant_diagnose")),
        diagnose_failing=bool(config.getoption("quant_diagnose_failing")),
        jobs=whole_number("jobs", given_text(config, "jobs"), 1) if given_text(config, "jobs") else None,
        cache_dir=_cache_dir(config),
        keep=not given_value(config, "quant_no_cache"),
        cache_size_gb=above_zero("--quant-cache-size", given_text(config, "cache_size") or "20", "gigabytes"),
        rehash=bool(given_value(config, "quant_rehash")),
        timeout_s=above_zero("--quant-timeout", given_text(config, "timeout") or "300", "seconds"),
        max_pixels=ini_count(config, "quant_max_pixels", least=1),
        progress=_progress(config),
        columns=_columns(config),
        reports=_reports(config),
        pictures=ini_count(config, "quant_report_pictures"),
        executor=_executor(config),
        target=given_text(config, "target") or None,
        target_nets=_target_nets(given_text(config, "target_nets") or "all"),
        baseline=_baseline(config, update),
        update_baseline=update,
        history=_history(config),
        baseline_within_pct=ini_percentage(config, "quant_baseline_within", 0.1),
        max_tolerance_pct=_max_tolerance(config),
    )


def _confidence(text: str) -> float:
    expected = "a number above 0.5 and below 1, such as 0.95"
    found = number("--quant-confidence", text, expected)
    if not 0.5 < found < 1:
        raise pytest.UsageError(f"--quant-confidence: found {text!r}, expected {expected}")
    return found


def _inconclusive(text: str) -> Inconclusive:
    if text == "fail":
        return "fail"
    if text == "pass":
        return "pass"
    raise pytest.UsageError(f"--quant-inconclusive: found {text!r}, expected fail or pass")


def _whole_table(config: pytest.Config) -> bool:
    text = given_text(config, "family") or "none"
    if text not in ("none", "holm"):
        raise pytest.UsageError(f"--quant-family: found {text!r}, expected none or holm")
    if text == "holm" and given_value(config, "quant_early_stop"):
        raise pytest.UsageError(
            "--quant-family holm and --quant-early-stop exclude each other: Holm's correction takes all cases "
            "together, an early stop decides each by itself"
        )
    return text == "holm"


def _part(config: pytest.Config) -> Part | None:
    """Of one part nothing is decided: what takes verdicts, or another order of samples, excludes it."""
    text = config.getoption("quant_shard")
    if text is None:
        return None
    try:
        part = Part.parse(text)
    except ValueError:
        raise pytest.UsageError(
            f"--quant-shard: found {text!r}, expected I/N, the I-th of N parts counted from 1, such as 1/4"
        ) from None
    for option, why in _NOT_IN_PARTS.items():
        if given_value(config, option):
            name = f"--{option.replace('_', '-')}"
            raise pytest.UsageError(f"--quant-shard and {name} exclude each other: {why}")
    if config.getoption("quant_update_baseline"):
        raise pytest.UsageError(
            "--quant-shard and --quant-update-baseline exclude each other: pytest-quant merge has --update-baseline"
        )
    if not any(path.suffix == ".json" for path in _reports(config)):
        raise pytest.UsageError("--quant-shard: name the report of the part, with --quant-report part.json")
    return part


_NOT_IN_PARTS = {
    "quant_early_stop": "a part does not see when the samples of all parts together are enough",
    "quant_rescue": "whether a drop is too large is decided when the parts are merged",
    "quant_diagnose": "layers are compared on the first samples of the whole dataset; run the models without a part",
    "quant_target": "the merge would have to reach the target, too",
}


def _progress(config: pytest.Config) -> bool:
    """``auto`` leaves it out where pytest is told to be quiet."""
    text = given_text(config, "progress") or "auto"
    if text not in ("auto", "on", "off"):
        raise pytest.UsageError(f"--quant-progress: found {text!r}, expected auto, on or off")
    is_quiet = int(config.getoption("verbose", 0)) < 0
    return text == "on" or (text == "auto" and not is_quiet)


def _columns(config: pytest.Config) -> tuple[str, ...]:
    names = [name.strip().lower() for name in given_text(config, "columns").split(",")]
    found = tuple(dict.fromkeys(filter(None, names)))
    for name in found:
        if name not in TITLES:
            from pytest_quant.spec.text import suggestion

            raise pytest.UsageError(
                f"--quant-columns: unknown column {name!r}.{suggestion(name, TITLES)} Columns: {', '.join(TITLES)}"
            )
    return found


def _executor(config: pytest.Config) -> str | None:
    text = given_text(config, "executor")
    if not text or not given_value(config, "quant"):
        return None
    from pytest_quant.evaluation.cluster.address import ClusterAddress
    from pytest_quant.spec.errors import ConfigError

    try:
        found = ClusterAddress.parse(text)
    except ConfigError as error:
        raise pytest.UsageError(f"--quant-executor: {error}") from None
    if given_text(config, "target"):
        raise pytest.UsageError(
            "--quant-executor and --quant-target exclude each other: the nets run on the cluster, or on the target"
        )
    return found.url


def _target_nets(text: str) -> Literal["all", "int8"]:
    if text == "all":
        return "all"
    if text == "int8":
        return "int8"
    raise pytest.UsageError(f"--quant-target-nets: found {text!r}, expected all or int8")


def _max_tolerance(config: pytest.Config) -> float | None:
    given = str(config.getini("quant_max_tolerance"))
    return ini_percentage(config, "quant_max_tolerance", 10) if given else None


def _zoo_files(config: pytest.Config) -> tuple[Path, ...]:
    given = config.getoption("quant_zoo")
    if given is not None:
        files = tuple(dict.fromkeys(called_path(config, name) for name in given))
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
                f"quant_zoo: {pattern!r} is not a pattern of paths relative to {config.rootpath}: {error}"
            ) from None
        if not files:
            raise pytest.UsageError(f"quant_zoo: {pattern!r} matches no file below {config.rootpath}")
        found |= dict.fromkeys(files)
    return tuple(found)


def _cache_dir(config: pytest.Config) -> Path | None:
    return given_path(config, "quant_cache")


def _baseline(config: pytest.Config, update: bool) -> Path | None:
    path = given_path(config, "quant_baseline")
    if update and path is None:
        raise pytest.UsageError("--quant-update-baseline: which file? Name it with --quant-baseline FILE")
    if path is not None and path.is_dir():
        raise pytest.UsageError(f"--quant-baseline: {path} is a folder, expected the name of a file")
    return path


def _history(config: pytest.Config) -> Path | None:
    path = given_path(config, "quant_history")
    if path is not None and path.is_dir():
        raise pytest.UsageError(f"--quant-history: {path} is a folder, expected the name of a file")
    return path


def _rescue_folder(config: pytest.Config) -> Path:
    reports = given_value(config, "quant_report")
    return called_path(config, reports[0]).parent if reports else called_path(config, ".")


def _reports(config: pytest.Config) -> tuple[Path, ...]:
    paths = tuple(called_path(config, name) for name in given_value(config, "quant_report"))
    for path in paths:
        if path.is_dir():
            raise pytest.UsageError(f"--quant-report: {path} is a folder, expected the name of a file")
    return paths
