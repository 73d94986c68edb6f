"""pytest's hooks; they read, delegate and return. Nothing heavy is imported unless accuracy cases are to run."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_quant.extending import hookspecs
from pytest_quant.plugin.fixtures import (
    USER_FIXTURES,
    _quant_case,
    ncnn_fp32,
    ncnn_int8,
    onnx_fp32,
    quant_dataset,
    quant_executor,
    quant_nets,
    quant_scores,
    quant_spec,
)
from pytest_quant.plugin.items import NOT_ENABLED, ZooFile
from pytest_quant.plugin.markers import MARKERS, USER_MARKERS
from pytest_quant.plugin.options import add_options
from pytest_quant.plugin.own_cache import OwnCache
from pytest_quant.plugin.settings import Settings, read_settings
from pytest_quant.plugin.state import REPLAY, RUN, SETTINGS
from pytest_quant.spec.errors import QuantError

if TYPE_CHECKING:
    from pytest_quant.run.quant_run import QuantRun
    from pytest_quant.run.session import Recorder

__all__ = [
    "_quant_case",
    "ncnn_fp32",
    "ncnn_int8",
    "onnx_fp32",
    "quant_dataset",
    "quant_executor",
    "quant_nets",
    "quant_scores",
    "quant_spec",
]

ZOO_SUFFIX = ".quant.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hook that brings tasks, dataset types, net formats and report writers."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Load what a run takes, before the user's own modules are."""
    given = early_config.known_args_namespace
    if not (early_config.getini("quant") if given.quant is None else given.quant):
        return
    from pytest_quant.extending.versions import session_begins
    from pytest_quant.run import loading

    early_config.add_cleanup(session_begins())
    loading.load(loading.TO_BEGIN)
    from pytest_quant.run import xdist
    from pytest_quant.run.cache_folder import will_try_nets

    if not (given.collectonly or xdist.will_run_tests(given)):
        return  # a controller starts its workers first
    runs_tests = not given.collectonly
    reports = runs_tests and not xdist.will_be_worker()
    if runs_tests and xdist.will_be_first() and will_try_nets(early_config):
        loading.start_trials()
    loading.load((*loading.ALWAYS, *(loading.TO_RUN if runs_tests else ()), *(loading.TO_REPORT if reports else ())))


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, check the options, and set up the run when there is one."""
    for line in MARKERS.values():
        config.addinivalue_line("markers", line)
    settings = read_settings(config)
    config.stash[SETTINGS] = settings
    if settings.cache_dir is not None:
        config.pluginmanager.register(OwnCache(settings.cache_dir), "quant-own-cache")
    if settings.enabled:
        _start(config, settings)


def _end_far_sides() -> None:
    if "pytest_quant.nets.remote.targets" in sys.modules:  # else there are none
        from pytest_quant.nets.remote.targets import close_targets

        close_targets()


def _connect(config: pytest.Config, run: QuantRun) -> None:
    """Reach the cluster before anything is collected, where one is to evaluate."""
    if config.option.collectonly or REPLAY in config.stash:
        return
    config.add_cleanup(run.computing.close)
    try:
        run.computing.connect()
    except QuantError as error:
        raise pytest.UsageError(f"--quant-executor: {error}") from None


def _start(config: pytest.Config, settings: Settings) -> None:
    from pytest_quant.datasets.pixel_limit import limit_pixels
    from pytest_quant.datasets.remote import use_copies
    from pytest_quant.evaluation.kept import URLS
    from pytest_quant.evaluation.not_kept import leave_notes
    from pytest_quant.run import xdist
    from pytest_quant.run.cache_care import care_for
    from pytest_quant.run.cache_folder import cache_folder
    from pytest_quant.run.registering import start_registering

    start_registering(config, settings.reports)
    xdist.refuse_each(config)
    run_dir = xdist.run_folder(config)
    config.add_cleanup(leave_notes(run_dir))
    config.add_cleanup(_end_far_sides)
    config.add_cleanup(limit_pixels(settings.max_pixels))
    cache_dir = cache_folder(config, settings)
    if cache_dir is not None:
        care_for(config, cache_dir, settings, is_worker=xdist.is_worker(config))
    config.add_cleanup(use_copies((cache_dir or run_dir) / URLS))
    is_controller = xdist.is_controller(config)
    if not is_controller or settings.baseline is not None or settings.executor is not None:
        _run(config, settings, run_dir, cache_dir)
    if is_controller:
        report = partial(_report, config, settings, run_dir)
        config.pluginmanager.register(xdist.ControllerHooks(run_dir, report), "quant-xdist")
    elif not xdist.is_worker(config):
        _report(config, settings, run_dir)


def _run(config: pytest.Config, settings: Settings, run_dir: Path, cache_dir: Path | None) -> None:
    """Set up what decides cases; raises `pytest.UsageError` where a baseline or a cluster cannot be used."""
    from pytest_quant.run import loading, xdist

    loading.load(loading.TO_DECIDE)
    from pytest_quant.run.hooks import RunHooks
    from pytest_quant.run.quant_run import QuantRun

    replay = config.stash.get(REPLAY, None)
    run = QuantRun(settings, run_dir=run_dir, cache_dir=cache_dir, rootdir=config.rootpath, replay=replay)
    try:
        run.read_baseline()
    except QuantError as error:
        raise pytest.UsageError(f"--quant-baseline: {error}") from None
    _connect(config, run)
    config.stash[RUN] = run
    config.pluginmanager.register(RunHooks(run, run_dir, *xdist.place(config)), "quant-run")


def _report(config: pytest.Config, settings: Settings, run_dir: Path) -> Recorder:
    """Set up what a process that reports has beside."""
    from pytest_quant.run import xdist
    from pytest_quant.run.annotations import Annotations
    from pytest_quant.run.progress.display import Progress
    from pytest_quant.run.session import Recorder
    from pytest_quant.run.summary import Summary
    from pytest_quant.run.watch import watch_over

    watch_over(config, settings, run_dir, has_workers=xdist.worker_count(config) == 0)
    recorder = Recorder(settings, run_dir, config.rootpath)
    config.pluginmanager.register(recorder, "quant-recorder")
    config.pluginmanager.register(recorder.provisional, "quant-provisional")
    config.pluginmanager.register(Summary(recorder), "quant-summary")
    if Annotations.are_wanted(config):
        config.pluginmanager.register(Annotations(config), "quant-annotations")
    if settings.progress:
        config.pluginmanager.register(Progress(config, run_dir, settings.confidence), "quant-progress")
    return recorder


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Zoo files are test files."""
    if file_path.name.endswith(ZOO_SUFFIX):
        return ZooFile.of(parent, file_path)
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--quant``, skip the accuracy tests in Python one by one."""
    if config.stash[SETTINGS].enabled:
        return
    for item in items:
        marked = any(item.get_closest_marker(name) is not None for name in USER_MARKERS)
        if marked or not USER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.quant)
            item.add_marker(pytest.mark.skip(reason=NOT_ENABLED))
