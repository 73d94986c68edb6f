"""The parts of a cluster that need none: addresses, the choice of workers, files by content, and how a job is sent."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cluster.address import ClusterAddress
from pytest_quant.evaluation.cluster.kinds import ClusterError, Identity, Kind, check, choose, difference, own_identity
from pytest_quant.evaluation.cluster.shipping import Shipment
from pytest_quant.evaluation.cluster.worker_files import WorkerFiles, work_in
from pytest_quant.evaluation.engine.turns import Helper, Turns
from pytest_quant.evaluation.times import TimesMemo
from pytest_quant.spec.errors import ConfigError, StorageError
from tests.unit.quantize.models import write_model

URL = "dask://host:8786"
X86, AVX512, PI = Kind("x86_64", ("avx2",)), Kind("x86_64", ("avx2", "avx512f")), Kind("aarch64", ("asimd",))
HERE = Identity(
    X86, (("ncnn", "1.0"), ("numpy", "2.1"), ("openvino", "3"), ("pytest-quant", "1"), ("python", "3.11")), "a"
)


@pytest.mark.parametrize(
    "text",
    ["dask://host", "http://host:1", "dask://:1", "host:8786", "dask://host:0", "dask://host:99999", "dask://a b:1"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected dask://HOST:PORT"):
        ClusterAddress.parse(text)


def test_addresses() -> None:
    assert ClusterAddress.parse(" dask://[::1]:8786/ ").dask == "tcp://[::1]:8786"


def test_the_kind_of_this_machine_goes_first() -> None:
    assert choose(URL, X86, [PI, PI, PI, X86]) == X86
    assert choose(URL, X86, [PI, PI]) == PI
    assert choose(URL, X86, [X86, PI], wanted=PI) == PI


def test_kinds_that_cannot_be_chosen() -> None:
    with pytest.raises(ClusterError, match=r"of 2 kinds, none of which is that of this machine, x86_64 \(avx2\)"):
        choose(URL, X86, [PI, AVX512])
    with pytest.raises(ClusterError, match=r"workers of aarch64 \(asimd\), of which there are none any more"):
        choose(URL, X86, [X86], wanted=PI)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"numpy": "1.26"}, "has numpy 1.26, expected 2.1 as here"),
        ({"ncnn": ""}, "lacks ncnn, expected 1.0 as here"),
        ({"openvino": "2"}, "has openvino 2, expected 3 as here"),
        ({"openvino": ""}, None),
        ({"onnxruntime": "5"}, None),
        ({}, None),
    ],
)
def test_versions(changes: dict[str, str], says: str | None) -> None:
    versions = {**dict(HERE.versions), **changes}
    there = replace(HERE, versions=tuple((name, version) for name, version in versions.items() if version))
    assert difference(HERE, there) == says


def test_all_workers_that_cannot_take_part_are_counted() -> None:
    bare = replace(HERE, versions=(("python", "3.11"),), host="pi")
    with pytest.raises(ClusterError, match=r"2 of 3 workers cannot take part: b on pi lacks pytest-quant, expected 1"):
        check(URL, HERE, {"a": HERE, "b": bare, "c": replace(HERE, code="b")})


def test_this_machine_suits_itself() -> None:
    own = own_identity()
    assert difference(own, own) is None
    assert own.kind.machine
    assert dict(own.versions)["ncnn"]


def put(files: WorkerFiles, *contents: bytes) -> list[str]:
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    files.put(dict(zip(digests, contents, strict=True)))
    return digests


def test_files_of_a_worker(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, most_bytes=25)
    one, two = put(files, b"1" * 10, b"2" * 10)
    assert files.tree({"a/x": one, "a/y": "absent"}) is None
    assert files.lacking([one, "absent"]) == ("absent",)
    first = files.tree({"a/x": one})
    assert first is not None
    assert (first / "a/x").read_bytes() == b"1" * 10
    (three,) = put(files, b"3" * 10)
    assert files.tree({"b": two, "c": three}) is not None
    assert not first.exists(), "what was used least recently goes"
    assert files.lacking([one, two, three]) == (one,)
    with pytest.raises(StorageError, match="is something else"):
        files.put({one: b"9"})


def test_a_job_with_its_files(tmp_path: Path) -> None:
    """What is unpickled on a worker loads nets from its folder, and gives the same."""
    (tmp_path / "zoo").mkdir()
    model = write_model(tmp_path / "zoo")
    bench = open_workbench(tmp_path / "run", cores=1)
    samples = bench.selection(model)[0][:2]
    evaluation = bench.on_samples(model, samples).evaluation(("fp32", "int8"))
    shipment = Shipment.of(evaluation.work, 10.0)
    assert sorted(Path(name).suffix for name in shipment.files) == [".bin", ".bin", ".param", ".param"]
    files = WorkerFiles.of(str(tmp_path / "worker"))
    files.put({digest: shipment.content(digest) for digest in shipment.sources})
    tree = files.tree(shipment.files)
    assert tree is not None
    work_in(str(tmp_path / "worker"), shipment.parcel.job, tree)
    work = pickle.loads(shipment.parcel.work)  # noqa: S301 - our own
    assert all(path.is_relative_to(tree) for path in work.loaded)
    (shard,) = evaluation.shards
    there, here = work.open(), evaluation.work.open()
    for net, stored in here.run(shard, lambda what: None).items():
        again = there.run(shard, lambda what: None)[net]
        assert {name: array.tobytes() for name, array in again.arrays.items()} == {
            name: array.tobytes() for name, array in stored.arrays.items()
        }
    there.close()
    here.close()
    trials = work.open_runner.keywords["trials"]
    assert trials.contents.root == tmp_path / "worker" / "pytest-quant" / "trials"


def test_the_longest_goes_first(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    names = [replace(model, name=name) for name in ("new-a", "short", "long", "new-b")]
    times = TimesMemo(tmp_path / "times", tmp_path / "locks")
    times.note(names[1], 100, [50.0, 100.0])
    times.note(names[2], 100, [5.0, 10.0])
    times.note(names[0], 100, [0.0])
    assert times.seconds(names[1]) == 3.0
    assert [one.name for one in times.longest_first(names)] == ["new-a", "new-b", "long", "short"]


def test_a_helper_waits_for_those_who_are_asked(tmp_path: Path) -> None:
    turns = Turns()
    helper = Helper(turns, over=tmp_path / "over")
    with turns.taken(), turns.taken():
        assert helper.holds_back()
    assert not helper.holds_back()
    assert not Helper().holds_back()
    (tmp_path / "over").touch()
    from concurrent.futures import CancelledError

    with pytest.raises(CancelledError):
        helper.holds_back()
