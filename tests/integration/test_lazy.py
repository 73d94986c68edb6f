"""Plain ``pytest`` pays next to nothing for the plugin: no library of the accuracy cases is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_quant.run.loading import TO_CONTROL
from tests import tiny

HEAVY = {
    *("numpy", "ncnn", "cv2", "PIL", "shapely", "pycocotools", "pydantic", "yaml", "scipy", "onnx", "filelock"),
    *("skimage", "pyclipper", "onnxruntime", "torch", "dask", "distributed", "jinja2", "matplotlib"),
}

TESTS = """
from pytest_quant import quant_floor, quant_model, quant_require, quant_tolerance

@quant_model("tiny")
@quant_tolerance(top1=5.0)
@quant_floor(top1=50.0)
@quant_require(runtime="reference")
def test_marked(quant_scores): raise AssertionError

def test_fixtures(ncnn_fp32, ncnn_int8, quant_dataset, quant_spec): raise AssertionError

def test_plain(): pass
"""

RUN = """
import sys
import pytest
status = pytest.main(sys.argv[1:])
print("LOADED", __import__("json").dumps(sorted(sys.modules)))
sys.exit(status)
"""

IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print("LOADED", json.dumps(sorted(sys.modules)))
"""


def loaded(code: str, *args: str, folder: Path) -> set[str]:
    """Top-level names of the modules that a fresh process has loaded at its end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED "))
    return {str(name).partition(".")[0] for name in json.loads(line.removeprefix("LOADED "))}


def test_the_public_names_and_the_plugin_import_nothing_heavy(tmp_path: Path) -> None:
    found = loaded(IMPORT, "pytest_quant", "pytest_quant.plugin.entry", "pytest_quant.plugin.fixtures", folder=tmp_path)
    assert "pytest_quant" in found
    assert not HEAVY & found


@pytest.mark.parametrize("args", [(), ("--collect-only",), ("-m", "quant"), ("--no-quant",)], ids=" ".join)
def test_a_plain_run_beside_a_zoo_imports_nothing_heavy(tmp_path: Path, args: tuple[str, ...]) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nquant_zoo = zoo.quant.yaml\n")
    tiny.write_zoo(tmp_path)
    (tmp_path / "test_it.py").write_text(TESTS)
    found = loaded(RUN, "--strict-markers", "-p", "no:cacheprovider", *args, folder=tmp_path)
    assert "pytest_quant" in found
    assert not HEAVY & found


def test_a_plain_run_without_a_zoo_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_plain(): pass\n")
    assert not HEAVY & loaded(RUN, "-p", "no:cacheprovider", folder=tmp_path)


def test_the_check_would_notice(tmp_path: Path) -> None:
    assert "yaml" in loaded(IMPORT, "pytest_quant.zoo.reader", folder=tmp_path)


def test_a_process_that_runs_nets_imports_no_pytest(tmp_path: Path) -> None:
    """The child of trials, a far side, a worker of a cluster: pytest would double what they take to start."""
    names = ("pytest_quant.nets.trial.child", "pytest_quant.nets.ncnn.opening", "pytest_quant.evaluation.evaluate")
    found = loaded(IMPORT, *names, folder=tmp_path)
    assert "ncnn" in found
    assert not {"pytest", "_pytest"} & found


def test_a_controller_imports_nothing_that_evaluates(tmp_path: Path) -> None:
    """It starts, and reports at the end, while nothing else of the run goes on."""
    found = loaded(IMPORT, *TO_CONTROL, "pytest_quant.report.write", folder=tmp_path)
    assert "pydantic" in found
    assert not {"ncnn", "cv2", "scipy", "PIL"} & found


AT_START = f"""
import sys
def pytest_configure_node(node):
    print("AT START", sorted({HEAVY - {"filelock"}} & set(sys.modules)), file=sys.stderr)
"""


def test_a_controller_starts_its_workers_before_it_loads_what_reports(tmp_path: Path) -> None:
    tiny.write_images(tmp_path, 2)
    tiny.write_zoo(tmp_path)
    (tmp_path / "conftest.py").write_text(AT_START)
    args = ("-p", "no:cacheprovider", "--quant", "zoo.quant.yaml", "-n", "1")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command = [sys.executable, "-m", "pytest", *args]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AT START []" in done.stderr, done.stderr
