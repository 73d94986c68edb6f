"""A zoo file that cannot be used as a whole fails as one item; other files of the run are read and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import ZOO, Run, run_quant

BOMB = "version: 1\nmodels:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 12)
)
NOT_A_ZOO = {
    "": ": found an empty file, expected the keys version, defaults, datasets and models",
    "# models: {}\n": ": found an empty file, expected the keys version",
    "- tiny\n": ": found ['tiny'], expected the keys version, defaults, datasets and models",
    "version: 2\nmodels: {a: {}}\n": ":1: version: found 2 (int), expected 1",
    "models: {a: {}}\n": ":1: version: is missing: this key is required",
    "version: 1\n": ":1: models: is missing: this key is required",
    "version: 1\nmodels: {}\n": ":2: models: found {} (dict), expected 1 or more values",
    "version: 1\nmodels: [a]\n": ":2: models: found ['a'] (list), expected keys and values",
    "version: 1\nmodel: {}\nmodels: {a: {}}\n": ":2: model: unknown key. Did you mean `models`? Known keys: version, ",
    "version: 1\ndefaults: {floor: {}}\nmodels: {a: {}}\n": ":2: defaults.floor: unknown key. Known keys: tolerance",
    "version: 1\nmodels:\n  a: {}\n  a: {}\n": ":4: `models.a` stands here and on line 3: remove one",
}
NOT_YAML = {
    "version: 1\nmodels: {a: [\n": ":3: is not valid YAML: while parsing a flow node, expected the node content",
    "version: 1\nmodels:\n\ta: 1\n": ":3: is not valid YAML: while scanning for the next token, found character",
    "version: 1\n---\nversion: 1\n": ":2: is not valid YAML: expected a single document in the stream, but found ano",
    "version: 1\nmodels: *a\n": ":2: is not valid YAML: found undefined alias 'a'",
    "version: 1\nmodels: {a: 2026-13-45}\n": ":2: is not valid YAML: month must be in 1..12",
    "version: 1\nmodels: {a: \x00}\n": ": is not valid YAML: unacceptable character #x0000",
    "version: 1\nmodels: \udcff\n": ": is not UTF-8 text: invalid start byte at byte 19",
    'version: 1\nmodels: {"\\ud800": 1}\n': ":2: found '\\ud800', half of a surrogate pair, which is not text",
}
HOSTILE = {
    "version: 1\nmodels: !!python/object/apply:os.mkdir [pwned]\n": ":2: is not valid YAML: could not determine a co",
    "version: 1\nmodels: {a: !!python/name:os.system }\n": ":2: is not valid YAML: could not determine a constructor",
    "version: 1\nmodels: &m\n  a: *m\n": ":2: what stands here holds an alias of itself",
    "version: 1\nmodels: {a: {samples: &s [*s]}}\n": ":2: what stands here holds an alias of itself",
    f"version: 1\nmodels: {'{a: ' * 3000}1{'}' * 3000}\n": ": is nested too deeply",
    f"version: 1\nmodels: {'[' * 3000}\n": ": is nested too deeply",
    BOMB: ":9: with its aliases written out, what stands here has more than 1000000 values",
}
BROKEN = {**NOT_A_ZOO, **NOT_YAML, **HOSTILE}
NAMES = {text: f"broken{number}.quant.yaml" for number, text in enumerate(BROKEN)}


class _OneRun:
    """One run over all the broken files, made when the first test asks for it."""

    seen: Run | None = None

    @classmethod
    def over(cls, pytester: pytest.Pytester) -> Run:
        if cls.seen is None:
            folder = pytester.path
            tiny.write_images(folder, 12)
            tiny.write_zoo(folder, name="sound.quant.yaml")
            for text, name in NAMES.items():
                (folder / name).write_bytes(text.encode(errors="surrogateescape"))
            cls.seen = run_quant(pytester)
            assert not (folder / "pwned").exists()
        return cls.seen


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: repr(text[:40]))
def test_the_message(pytester: pytest.Pytester, text: str) -> None:
    run = _OneRun.over(pytester)
    case = run.cases[f"{NAMES[text]}::zoo"]
    assert case["reason"].startswith(f"{NAMES[text]}{BROKEN[text]}")
    assert case["reason"] in run.text
    assert (case["kind"], case["model"], case["verdict"], case["outcome"]) == ("zoo", None, "error", "failed")


def test_the_other_files_run(pytester: pytest.Pytester) -> None:
    run = _OneRun.over(pytester)
    broken = {f"{name}::zoo": "error" for name in NAMES.values()}
    sound = {"sound.quant.yaml::tiny::top1": "pass", "sound.quant.yaml::tiny::int8": "pass"}
    assert run.verdicts == {**broken, **sound}
    assert "Traceback" not in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "a b",
            "found the model name 'a b', expected a letter or digit followed by letters, digits, '.', '_', '+' and",
        ),
        ("-a", "found the model name '-a', expected a letter or digit"),
        ("a::b", "found the model name 'a::b', expected a letter or digit"),
        ("a/b", "found the model name 'a/b', expected a letter or digit"),
        ("", "found the model name '', expected a letter or digit"),
        (2015, "found the name 2015 (int), expected text: put it in quotes"),
    ],
)
def test_names_that_are_not_allowed(pytester: pytest.Pytester, name: str | int, says: str) -> None:
    tiny.write_images(pytester.path, 12)
    entry = tiny.model_entry(pytester.path)
    tiny.write_zoo(pytester.path, {name: entry, "tiny": entry})  # type: ignore[dict-item]
    run = run_quant(pytester)
    assert run.verdicts == {f"{name}::config": "error", "tiny::top1": "pass", "tiny::int8": "pass"}
    message = run.cases[f"{name}::config"]["reason"]
    assert message.startswith(f"{ZOO}:8: models.{name}: {says}")
    assert message in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_two_files_with_a_model_of_one_name(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    one = tiny.model_entry(pytester.path)
    tiny.write_zoo(pytester.path, {"tiny": one}, name="a.quant.yaml")
    tiny.write_zoo(pytester.path, {"tiny": one, "other": one}, name="b.quant.yaml")
    run = run_quant(pytester)
    assert run.verdicts == {
        "a.quant.yaml::tiny::top1": "pass",
        "a.quant.yaml::tiny::int8": "pass",
        "b.quant.yaml::tiny::config": "error",
        "b.quant.yaml::other::top1": "pass",
        "b.quant.yaml::other::int8": "pass",
    }
    message = run.cases["b.quant.yaml::tiny::config"]["reason"]
    assert message.startswith("b.quant.yaml: models.tiny: a.quant.yaml has a model of this name too")
    assert message in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("dataset", "key", "says"),
    [
        (
            {"type": "cifar-10"},
            "type",
            "found 'cifar-10', expected one of cifar10, imagenet, image-list",
        ),
        ({"root": "."}, "type", "is missing, expected one of cifar10, imagenet, image-list"),
        ({"type": "image-list", "root": "."}, "list", "is missing: this key is required"),
        ({"type": "image-list", "root": ".", "list": 3}, "list", "found 3 (int), expected text"),
        ({"type": "cifar10", "root": 3}, "root", "found 3 (int), expected a path"),
        ({"type": "cifar10", "rot": "."}, "rot", "unknown key. Did you mean `root`? Known keys: root, split"),
        ({"type": "cifar10", "root": ".", "split": "val"}, "split", "found 'val' (str), expected 'test' or 'train'"),
        ("cifar10", "", "found 'cifar10' (str), expected the keys of a dataset"),
    ],
)
def test_a_broken_dataset_entry(pytester: pytest.Pytester, dataset: object, key: str, says: str) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    models = {
        "broken": tiny.model_entry(folder, "broken", dataset="broken"),
        "sound": tiny.model_entry(folder, "sound", tolerance={"top1": 9.0}),
    }
    sound = {"type": "image-list", "root": ".", "list": "list.txt"}
    tiny.write_zoo(folder, models, datasets={"broken": dataset, "colours": sound})

    run = run_quant(pytester)

    assert run.verdicts == {
        "zoo": "error",
        "broken::config": "error",
        "sound::top1": "pass",
        "sound::int8": "pass",
    }
    where = f"datasets.broken.{key}".rstrip(".")
    problem = next(line for line in run.cases["zoo"]["reason"].splitlines() if f" {where}: " in line)
    assert problem.startswith(f"{ZOO}:")
    assert says in problem
    assert problem in run.text
    reason = run.cases["broken::config"]["reason"]
    assert f"models.broken.dataset: the dataset `broken` is broken: {ZOO}:" in reason
    assert problem in reason, "`-k broken` takes the case `zoo` away"
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_broken_defaults(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    models = {
        "takes-it": tiny.model_entry(folder, tolerance=None),
        "has-its-own": tiny.model_entry(folder, tolerance={"top1": 9.0}),
    }
    tiny.write_zoo(folder, models, defaults={"tolerance": {"top1": 100, "hmena": 0.01, "hmean": 0.01}})
    run = run_quant(pytester)
    assert run.verdicts == {
        "zoo": "error",
        "takes-it::config": "error",
        "has-its-own::top1": "pass",
        "has-its-own::int8": "pass",
    }
    problems = run.cases["zoo"]["reason"].splitlines()
    assert [problem.split(": ")[1] for problem in problems] == ["defaults.tolerance.top1", "defaults.tolerance.hmena"]
    assert "probably a unit mistake" in problems[0]
    assert "unknown metric 'hmena'. Did you mean `hmean`?" in problems[1]
    assert "defaults.tolerance.top1: found 100" in run.cases["takes-it::config"]["reason"]


def only_dataset(folder: Path, root: str) -> None:
    dataset = {"type": "image-list", "root": root, "list": "list.txt"}
    tiny.write_zoo(folder, datasets={"colours": dataset})


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("root", "says"),
    [
        (
            "nowhere",
            "dataset 'colours': the folder nowhere (`root`) does not exist; fetch the dataset, or correct the pa",
        ),
        (
            "${QUANT_UNSET}/x",
            "datasets.colours.root: the environment variable QUANT_UNSET is not set: set it to the fol",
        ),
    ],
)
def test_a_run_whose_datasets_are_all_missing_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, root: str, says: str, strict: bool
) -> None:
    monkeypatch.delenv("QUANT_UNSET", raising=False)
    only_dataset(pytester.path, root)
    run = run_quant(pytester, "-rs", *(["--quant-strict"] if strict else []))
    assert run.verdicts == {"tiny::top1": "error" if strict else "skipped", "tiny::int8": "pass"}
    assert says in run.cases["tiny::top1"]["reason"]
    assert run.cases["tiny::top1"]["reason"].startswith(ZOO)
    assert run.cases["tiny::top1"]["reason"] in run.text
    assert ("no accuracy case was decided" in run.text) is not strict
    assert ("--quant-strict: " in run.text) is strict
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_a_missing_dataset_skips_its_cases_only(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    away = {"type": "image-list", "root": "nowhere", "list": "list.txt"}
    here = {"type": "image-list", "root": ".", "list": "list.txt"}
    models = {"tiny": tiny.model_entry(folder), "away": tiny.model_entry(folder, "away", dataset="away")}
    tiny.write_zoo(folder, models, datasets={"colours": here, "away": away})
    run = run_quant(pytester)
    assert run.verdicts == {
        "away::top1": "skipped",
        "away::int8": "pass",
        "tiny::top1": "pass",
        "tiny::int8": "pass",
    }
    assert "no accuracy case was decided" not in run.text
    assert run.status == pytest.ExitCode.OK


def test_cases_that_take_no_samples_need_no_dataset(pytester: pytest.Pytester) -> None:
    only_dataset(pytester.path, "nowhere")
    run = run_quant(pytester, f"{ZOO}::tiny::int8")
    assert run.verdicts == {"tiny::int8": "pass"}
    assert run.status == pytest.ExitCode.OK


def test_bad_input_is_the_same_in_parallel(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    (folder / "broken.quant.yaml").write_text("version: 9\nmodels: {a: {}}\n")
    tiny.write_zoo(folder, {"broken": {"task": "classification"}, "tiny": tiny.model_entry(folder)})
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.verdicts == {
        "broken.quant.yaml::zoo": "error",
        "broken::config": "error",
        "tiny::top1": "pass",
        "tiny::int8": "pass",
    }
    assert parallel.verdicts == serial.verdicts
    reasons = [{name: case["reason"] for name, case in run.cases.items()} for run in (serial, parallel)]
    assert reasons[0] == reasons[1]
    assert serial.status == parallel.status == pytest.ExitCode.TESTS_FAILED
