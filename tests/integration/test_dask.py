"""``--quant-executor dask://…``: a cluster of two worker processes, one of which is killed in mid-run."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import tiny
from tests.integration.clusters import LocalCluster, readers, until, write_conftest
from tests.integration.runs import Run, run_quant

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'pytest-quant[dask]'")

from pytest_quant.evaluation.cluster import cluster as clusters  # noqa: E402
from pytest_quant.evaluation.cluster import crew, kinds, task  # noqa: E402
from pytest_quant.evaluation.engine.elsewhere import Parcel  # noqa: E402
from pytest_quant.extending.travelling import Registrations  # noqa: E402

SAMPLES = 200


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Two workers; the tests that kill something come last."""
    found = LocalCluster(tmp_path_factory.mktemp("cluster"))
    found.start(2)
    yield found
    found.stop()


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """Two models over images whose reading is noted."""
    tiny.write_images(pytester.path, SAMPLES)
    models = {name: tiny.model_entry(pytester.path, name) for name in ("tiny-v1", "tiny-v2")}
    models["tiny-v2"]["floor"] = {"sqnr_db": 1.0}
    tiny.write_zoo(pytester.path, models, datasets=write_conftest(pytester.path))
    return pytester.path


def comparable(run: Run) -> dict[str, Any]:
    """The report without what differs from run to run."""
    assert run.report is not None, run.text + run.errors
    report = run.report
    for model in report["models"].values():
        model.pop("timing")
    for case in report["cases"]:
        case.pop("seconds")
    report["environment"].pop("started")
    report["environment"].pop("options")
    return report


def on(cluster: LocalCluster) -> tuple[str, str]:
    return "--quant-executor", cluster.url


def test_a_cluster_gives_the_report_of_this_machine(
    pytester: pytest.Pytester, folder: Path, cluster: LocalCluster
) -> None:
    here = comparable(run_quant(pytester))
    (folder / "readers").unlink()
    there = run_quant(pytester, *on(cluster), "--quant-report", "report.md", "--quant-report", "report.html")
    assert there.status == 0, there.text
    assert there.report is not None
    assert there.report["environment"]["options"]["executor"] == cluster.url
    assert all("tiny-v1" in (folder / f"report.{ending}").read_text() for ending in ("md", "html"))
    assert comparable(there) == here
    workers = {cluster.processes[name].pid for name in ("worker-0", "worker-1")}
    assert workers <= readers(folder).keys(), "both take part"
    with distributed.Client(cluster.url.replace("dask", "tcp"), set_as_default=False) as client:
        names = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
    assert {"tiny_v1", "tiny_v2"} & set(names), "the dashboard shows the models"  # those that it has not forgotten
    pytester.makeini(f"[pytest]\nquant_executor = {cluster.url}")
    assert comparable(run_quant(pytester, "-n", "1")) == here, "three processes are its clients"


def test_a_cluster_of_another_kind_is_named_in_the_conditions(
    pytester: pytest.Pytester, folder: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(kinds.own_identity(), kind=kinds.Kind("riscv64", ("rvv",)))
    monkeypatch.setattr(clusters, "own_identity", lambda: here)
    tiny.write_zoo(
        folder,
        {"tiny": tiny.model_entry(folder, speedup=0.1, require={"computed_on": "cluster"})},
        datasets=write_conftest(folder),
    )
    run = run_quant(pytester, *on(cluster))
    assert run.report is not None
    own = kinds.own_identity().kind
    assert run.report["models"]["tiny"]["conditions"]["computed_on"].startswith(f"{own}, ncnn ")
    assert run.report["environment"]["isa"] == list(own.isa)
    assert run.verdicts["tiny::top1"] == "pass"
    assert "times would be those of this machine" in run.cases["tiny::speedup"]["reason"]
    assert f"every net runs on workers of {own}, not on this machine's kind, riscv64 (rvv)" in run.text


def test_workers_fetch_a_dataset_at_a_url_themselves(
    pytester: pytest.Pytester, folder: Path, cluster: LocalCluster
) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder)})
    here = comparable(run_quant(pytester))
    at_url = {"type": "image-list", "root": f"file://{folder}", "list": "list.txt"}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder)}, datasets={"colours": at_url})
    there = run_quant(pytester, *on(cluster), "--quant-cache", "kept")
    assert there.status == 0, there.text
    assert comparable(there) == here
    with distributed.Client(cluster.url.replace("dask", "tcp"), set_as_default=False) as client:
        folders = client.run(lambda dask_worker: dask_worker.local_directory)
    copies = [path for root in folders.values() for path in (Path(root) / "pytest-quant" / "urls").rglob("*.png")]
    assert len({path.name for path in copies}) == SAMPLES
    assert len(list((folder / "kept" / "urls" / "files").rglob("*.png"))) == SAMPLES, "read here for their digests"


@pytest.mark.parametrize(
    ("how", "says"),
    [("hidden", "does not see the dataset, which must lie at the same place there"), ("other", "has other contents")],
)
def test_what_workers_see_of_the_dataset(
    pytester: pytest.Pytester, folder: Path, cluster: LocalCluster, how: str, says: str
) -> None:
    (folder / how).write_text(str(os.getpid()))
    run = run_quant(pytester, *on(cluster))
    assert run.status == 1
    assert says in run.cases["tiny-v1::top1"]["reason"]
    assert run.verdicts["tiny-v1::top1"] == "error", "what a worker lacks is no reason to skip"


def test_other_versions(
    pytester: pytest.Pytester, folder: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = kinds.own_identity()
    versions = {**dict(own.versions), "numpy": "1.0"}
    monkeypatch.setattr(clusters, "own_identity", lambda: replace(own, versions=tuple(sorted(versions.items()))))
    run = run_quant(pytester, *on(cluster))
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "2 of 2 workers cannot take part" in run.errors
    assert ", expected 1.0 as here" in run.errors
    assert "Traceback" not in run.errors


def test_no_scheduler(pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "CONNECT_S", 0.2)
    with socket.socket() as taken:  # and does not listen
        taken.bind(("127.0.0.1", 0))
        url = f"dask://127.0.0.1:{taken.getsockname()[1]}"
        run = run_quant(pytester, "--quant-executor", url)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert f"--quant-executor: {url}: no Dask scheduler answers" in run.errors
    assert "Traceback" not in run.errors


def test_tls_without_certificates(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-executor", "tls://127.0.0.1:1")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "tls://127.0.0.1:1: Dask's configuration names no certificates for TLS" in run.errors


def test_a_worker_that_came_later_and_does_not_suit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = kinds.own_identity()
    worker = SimpleNamespace(address="tcp://pi:1", local_directory=str(tmp_path))
    monkeypatch.setattr(task, "get_worker", lambda: worker)
    parcel = Parcel("job", b"", Registrations(), 1, None)
    expected = replace(own, kind=kinds.Kind("riscv64", ()))
    assert task.do_shard(expected, parcel, {}, b"") == task.Unsuited("tcp://pi:1", own)
    assert task.do_shard(own, parcel, {"net.bin": "digest"}, b"") == task.Lacking("tcp://pi:1", ("digest",))


def test_a_shard_that_is_dropped_ends_on_the_cluster() -> None:
    """As an early stop does it; a result that comes nevertheless is nobody's."""
    ended: list[str] = []
    sent: crew.Sent[int] = crew.Sent(b"", "net-shard-3")
    sent.task = SimpleNamespace(client=SimpleNamespace(status="running"), cancel=lambda: ended.append("task"))
    assert sent.cancel()
    assert sent.cancel()
    assert ended == ["task"]
    assert wait([sent], 0).done == {sent}
    sent.settle(1)
    sent.fail(ValueError())
    assert sent.cancelled()


def test_errors_of_tasks() -> None:
    killed = crew._told("dask://a:1: net-shard-3", distributed.scheduler.KilledWorker("net-shard-3", None, 3))
    assert str(killed).startswith("dask://a:1: net-shard-3: every worker that took it died, one after the other")
    other = crew._told("dask://a:1: net-shard-3", ModuleNotFoundError("No module named 'pytest_quant'"))
    assert str(other).endswith("net-shard-3 failed on a worker: ModuleNotFoundError: No module named 'pytest_quant'")
    assert crew._told("", kinds.ClusterError("as it stands")).args == ("as it stands",)


def test_a_worker_that_dies_changes_nothing(pytester: pytest.Pytester, folder: Path, cluster: LocalCluster) -> None:
    here = run_quant(pytester)
    (folder / "readers").unlink()
    (folder / "slow").write_text(str(os.getpid()))
    workers = {cluster.processes[name].pid for name in ("worker-0", "worker-1")}
    killed: list[int] = []

    def kill() -> None:
        busy = until(
            lambda: next((pid for pid, count in readers(folder).items() if pid in workers and count > 5), None)
        )
        killed.append(busy)
        cluster.kill(busy)

    thread = threading.Thread(target=kill)
    thread.start()
    there = run_quant(pytester, *on(cluster))
    thread.join()
    assert killed
    assert all(readers(folder)[pid] > 0 for pid in workers), "both took part"
    assert comparable(there) == comparable(here)


def test_no_worker_is_left(
    pytester: pytest.Pytester, folder: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "WORKER_S", 0.5)
    monkeypatch.setattr(clusters, "LOOK_S", 0.1)
    (folder / "slow").write_text(str(os.getpid()))
    workers = {cluster.processes[name].pid for name in ("worker-0", "worker-1")}

    def kill() -> None:
        busy = until(lambda: next((pid for pid, read in readers(folder).items() if pid in workers and read > 5), None))
        cluster.kill(busy)

    thread = threading.Thread(target=kill)
    thread.start()
    run = run_quant(pytester, *on(cluster))
    thread.join()
    cluster.start_worker("worker-2")  # for the test behind this one
    assert run.status == 1
    assert "has had no worker that suits for 0.5 s" in run.cases["tiny-v1::top1"]["reason"]


def test_a_scheduler_that_goes_away(pytester: pytest.Pytester, folder: Path, cluster: LocalCluster) -> None:
    (folder / "slow").write_text(str(os.getpid()))
    scheduler = cluster.processes["scheduler"].pid

    def kill() -> None:
        until(lambda: 1 if sum(readers(folder).values()) > 5 else None)
        cluster.kill(scheduler)

    thread = threading.Thread(target=kill)
    thread.start()
    run = run_quant(pytester, *on(cluster))
    thread.join()
    assert run.status == 1
    assert "the scheduler went away in the middle of the run" in run.cases["tiny-v1::top1"]["reason"]
    assert "Traceback" not in run.text + run.errors
