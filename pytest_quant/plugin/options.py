"""The command line and ini options; `settings` reads them."""

from __future__ import annotations

from typing import Any, Literal

import pytest


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
    _add_evaluating(parser, group)
    _add_running(parser, group)
    _add_targets(parser, group)
    _add_showing(parser, group)
    _add_reporting(parser, group)
    _add_ini_options(parser)


def _add_evaluating(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """Which samples, and what is concluded from them."""
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
        parser, group, "family", metavar="none|holm",
        help="Whether the confidence is per case, or that of all sampled cases together, with Holm's correction "
        "(default: none)",
    )  # fmt: skip
    _add(
        parser, group, "inconclusive", metavar="fail|pass",
        help="What a sampled case does when the evidence decides neither way (default: fail)",
    )  # fmt: skip
    _add(
        parser, group, "early-stop", action="store_true", ini_type="bool",
        help="Stop a model as soon as the verdicts of its cases on the whole dataset are certain",
    )  # fmt: skip


def _add_running(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """What else is done, with which means."""
    _add(
        parser, group, "rescue", action="store_true", ini_type="bool",
        help="Look for a repair of every model whose drop is too large, and write it beside the report",
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
        parser, group, "rehash", action="store_true", ini_type="bool",
        help="Read every image anew, instead of taking one for known by its size, times and inode",
    )  # fmt: skip
    group.addoption(
        "--quant-shard",
        dest="quant_shard",
        default=None,
        metavar="I/N",
        help="Evaluate the I-th of N parts of every dataset; `pytest-quant merge` decides, from the parts' reports",
    )
    _add(
        parser, group, "cache-size", metavar="GB",
        help="Largest size of the folder of the cache; what was not used for longest goes first (default: 20)",
    )  # fmt: skip
    _add(
        parser, group, "timeout", metavar="S",
        help="Longest time for one sample, in seconds; a model that takes longer is an error (default: 300)",
    )  # fmt: skip


def _add_targets(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """Where nets run."""
    _add(
        parser, group, "executor", metavar="URL",
        help="Run the evaluation on a Dask cluster: dask://HOST:PORT, or tls://HOST:PORT for an encrypted one",
    )  # fmt: skip
    _add(
        parser, group, "target", metavar="SPEC",
        help="Run the ncnn nets on another machine, an execnet gateway specification such as "
        "ssh=pi@board//python=python3; everything else stays here",
    )  # fmt: skip
    _add(
        parser, group, "target-nets", metavar="all|int8",
        help="Which nets run on the target: all, or all but the float one (default: all)",
    )  # fmt: skip


def _add_showing(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """What stands on the terminal."""
    _add(
        parser, group, "progress", metavar="auto|on|off",
        help="What the run is at: a live line for each running model on a terminal, one a minute in a log; auto: not "
        "with -q (default: auto)",
    )  # fmt: skip
    _add(
        parser, group, "columns", metavar="LIST",
        help="Columns of the table, such as model,metric,fp32,int8,drop,verdict (default: all there is room for)",
    )  # fmt: skip


def _add_reporting(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """What is written, and what it is compared with."""
    _add(
        parser, group, "report", action="append", metavar="FILE", ini_type="linelist",
        help="Write a report; the suffix chooses: .json, .md, .html or one of a plugin (repeatable)",
    )  # fmt: skip
    _add(
        parser, group, "baseline", metavar="FILE",
        help="Compare with the committed baseline FILE (ini: relative to rootdir)",
    )  # fmt: skip
    _add(
        parser, group, "history", metavar="FILE",
        help="Keep the run in this SQLite file, which `pytest-quant history` lists (ini: relative to rootdir)",
    )  # fmt: skip
    _add(
        parser, group, "diagnose", action="store_true", ini_type="bool",
        help="Compare fp32 and int8 layer by layer for every model, not only where a drop is too large",
    )  # fmt: skip
    group.addoption(
        "--no-quant-diagnose",
        action="store_false",
        dest="quant_diagnose_failing",
        default=True,
        help="Leave out the layer diagnosis of models whose drop is too large",
    )
    group.addoption(
        "--quant-update-baseline",
        action="store_true",
        dest="quant_update_baseline",
        help="Rewrite the entries of the selected models in the baseline",
    )


def _add_ini_options(parser: pytest.Parser) -> None:
    """Those without a command line option."""
    parser.addini(
        "quant_max_pixels",
        "Images of more pixels are refused before they are decoded (default: 178956970)",
        type="string",
        default="178956970",
    )
    parser.addini(
        "quant_report_pictures",
        "How many samples of a model an HTML report shows at most; 0: none, for data that is private (default: 24)",
        type="string",
        default="24",
    )
    parser.addini(
        "quant_baseline_within",
        "How much worse than the baseline int8 may be, in percent of the metric's range (default: 0.1)",
        type="string",
        default="0.1",
    )
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
