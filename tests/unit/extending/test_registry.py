"""The registry: names, who took them, and what a thing lacks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pytest_quant.extending.finding import conftests_of, register_found, rootdir_of
from pytest_quant.extending.known import active, get_task, in_use, metrics_named, open_dataset, with_builtins
from pytest_quant.extending.registry import Registry
from pytest_quant.extending.shelf import Origin
from pytest_quant.nets.onnxruntime.format import OnnxruntimeFormat
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline, Task

MINE = Origin("conftest.py", "1")
OTHER = Origin("other-package", "2.0")


class Options(BaseModel):
    """No keys."""


class Mine(Task):
    """A task that has everything."""

    name = "mine"
    metrics = {"nme": Metric("nme", "px")}  # noqa: RUF012
    dataset_types = frozenset({"my-set"})
    preprocess_options = Options
    postprocess_options = Options
    metric_options = {}  # noqa: RUF012
    shard_size = 4
    orient = True

    def pipeline(self, model: ModelSpec) -> Pipeline:
        raise NotImplementedError


def changed(**attributes: Any) -> Task:
    return type("Mine", (Mine,), attributes)()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", list(with_builtins().tasks))
def test_every_built_in_task_has_what_a_task_must(name: str) -> None:
    task = get_task(name)
    assert task.name == name
    known = set(with_builtins().datasets)
    assert task.dataset_types <= known


@pytest.mark.parametrize("name", list(with_builtins().datasets))
def test_every_built_in_dataset_type_loads(name: str) -> None:
    found = active().datasets.get(name)
    assert issubclass(found.options, BaseModel)
    assert callable(found.open)


def test_built_in_tasks_stand_in_the_order_of_published_tables() -> None:
    places = [get_task(name).place for name in ("classification", "text-detection", "keypoints")]
    assert places == sorted(places)
    assert places[-1] < Mine().place


def test_a_taken_name_names_both_sides() -> None:
    registry = with_builtins().by(MINE)
    with pytest.raises(ConfigError, match=r"conftest\.py registers the task 'keypoints', which pytest-quant has"):
        registry.task(changed(name="keypoints"))
    registry.dataset("my-set", Options, open_dataset)
    with pytest.raises(
        ConfigError, match=r"other-package registers the dataset type 'my-set', which conftest\.py has registered"
    ):
        registry.by(OTHER).dataset("my-set", Options, open_dataset)
    with pytest.raises(ConfigError, match=r"the report writer '\.md', which pytest-quant has registered already"):
        registry.report(".md", print)


def test_an_unknown_name_gets_the_likely_one() -> None:
    with pytest.raises(ConfigError, match=r"found the task 'keypoint', expected one of .* Did you mean `keypoints`\?"):
        get_task("keypoint")
    with pytest.raises(ConfigError, match=r"unknown metric 'top11'\. Did you mean `top1`\?"):
        metrics_named("top11")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"metrics": {}}, r"conftest\.py registers the task 'mine', which lacks metrics"),
        ({"metrics": {"nme": Metric("other", "px")}}, "whose metric 'nme' is .* expected a Metric of that name"),
        ({"pipeline": Task.pipeline}, "which lacks pipeline"),
        ({"dataset_types": frozenset()}, "takes no dataset type"),
        ({"usual_tolerances": {"top1": 1.0}}, "usual_tolerances or metric_options name top1; its metrics: nme"),
        ({"shard_size": 0}, "whose shard_size is 0"),
        ({"name": ""}, "whose name is ''"),
    ],
)
def test_what_a_task_lacks_is_said_when_it_is_registered(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Registry().by(MINE).task(changed(**attributes))


def test_a_task_that_is_none_at_all() -> None:
    with pytest.raises(ConfigError, match=r"registers the task 'object', which lacks name, metrics, .*, pipeline"):
        Registry().by(MINE).task(object())  # type: ignore[arg-type]


def test_other_things_that_lack_something() -> None:
    registry = Registry().by(MINE)
    with pytest.raises(ConfigError, match=r"the dataset type 'my-set', whose options are .*derived from pydantic"):
        registry.dataset("my-set", dict, open_dataset)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"the report writer 'xlsx', expected a suffix like '\.xlsx'"):
        registry.report("xlsx", print)
    with pytest.raises(ConfigError, match=r"the report writer '\.xlsx' with 3 \(int\), expected a function"):
        registry.report(".xlsx", 3)  # type: ignore[arg-type]
    registry.task("no.such:TASK", "absent")
    with pytest.raises(ConfigError, match=r"conftest\.py registers 'no\.such:TASK', which cannot be imported"):
        registry.tasks.get("absent")
    with pytest.raises(ConfigError, match="registers a task with the name None"):
        registry.task("no.such:TASK")


def test_nothing_is_imported_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lazy_task_module.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry().by(MINE)
    registry.task("lazy_task_module:TASK", "lazy")
    assert "lazy" in registry.tasks
    with pytest.raises(ConfigError, match=r"conftest\.py registers .* cannot be imported: RuntimeError: imported"):
        registry.tasks.get("lazy")


def test_cache_keys_know_who_registered_a_task_and_its_version() -> None:
    keys = []
    for version in ("1", "2"):
        registry = with_builtins().by(MINE)
        registry.task(changed(version=version))
        keys.append(registry.registered_by(task="mine", dataset="image-list", net_format="ncnn"))
    other = with_builtins().by(OTHER)
    other.task(changed(version="1"))
    keys.append(other.registered_by(task="mine", dataset="image-list", net_format="ncnn"))
    assert keys[0] == {"task": ["conftest.py", "1 1"]}
    assert len({str(key) for key in keys}) == 3
    assert other.registered_by(task="keypoints", dataset="coco-keypoints", net_format="ncnn") == {}


TASK = """
from tests.unit.extending.test_registry import changed


class Mine(type(changed())):
    pass  # {}


TASK = Mine()
"""


def test_cache_keys_know_the_module_of_a_thing_that_is_registered_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    keys = []
    for text in ("one", "another", "one"):
        (tmp_path / "named_task.py").write_text(TASK.format(text))
        monkeypatch.delitem(sys.modules, "named_task", raising=False)
        importlib.invalidate_caches()
        registry = with_builtins().by(MINE)
        registry.task("named_task:TASK", "mine")
        registry.dataset("mine", "named_task:TASK", "named_task:Mine")
        keys.append(registry.registered_by(task="mine", dataset="image-list", net_format="ncnn"))
    assert keys[0] == keys[2] != keys[1]


def test_a_registry_is_in_use_for_a_while() -> None:
    before, mine = active(), Registry()
    with in_use(mine):
        assert active() is mine
    assert active() is before


CONFTEST = """
from beside import TASK
def pytest_quant_register(registry):
    registry.task(TASK)
"""


def test_conftest_files_beside_and_above_a_zoo_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "root" / "zoos"
    folder.mkdir(parents=True)
    (tmp_path / "conftest.py").write_text("raise RuntimeError('above rootdir')\n")
    (tmp_path / "root" / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "root" / "conftest.py").write_text(CONFTEST)
    (tmp_path / "root" / "beside.py").write_text(
        "from tests.unit.extending.test_registry import changed\nTASK = changed(name='found')\n"
    )
    (folder / "conftest.py").write_text("def pytest_quant_register(registry):\n    registry.report('.x', print)\n")
    zoo = folder / "zoo.quant.yaml"
    monkeypatch.chdir(tmp_path)
    assert rootdir_of(zoo) == tmp_path / "root"
    assert conftests_of(zoo, rootdir_of(zoo)) == [tmp_path / "root" / "conftest.py", folder / "conftest.py"]
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    registry = Registry()
    register_found(registry, zoo)
    assert registry.tasks.entry("found").origin.by == "conftest.py"
    assert registry.reports.entry(".x").origin.by == "zoos/conftest.py"


def test_a_conftest_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import no_such_module\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    with pytest.raises(ConfigError, match=r"conftest\.py: cannot be imported: ModuleNotFoundError: No module named"):
        register_found(Registry(), tmp_path / "zoo.quant.yaml")


def test_a_net_format_by_a_name_that_pydantic_needs() -> None:
    """Every format is a key of a net's entry."""
    with pytest.raises(ConfigError, match="registers the net format 'json', a name that pydantic needs for itself"):
        with_builtins().net_format("json", OnnxruntimeFormat)
