"""Whole runs on a dataset in ``s3://`` and ``gs://`` beside the same on a disk.

    pip install "pytest-quant[dask]" s3fs gcsfs "moto[server]" gcp-storage-emulator
    python -m benchmarks.object_stores --shared SHARED [--samples N]

Both stores are emulated in this process, on the loopback interface; each run is a process of its own. SHARED holds
``data/cifar10`` and ``models/resnet20-cifar10``. Prints for each store: whether metrics, flips and intervals equal
those of the disk, also with ``-n 2``; whether an image that was replaced in the store moves the result as it does on
the disk; and what is said when the server is gone. The exit status is 1 where something differs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

BUCKET = "bucket"
ZOO = """
version: 1
datasets:
  cifar: {{type: image-list, root: "{root}", list: list.txt}}
models:
  resnet20:
    task: classification
    dataset: cifar
    fp32: {{param: {nets}/resnet20.param, bin: {nets}/resnet20.bin}}
    int8: {{param: {nets}/resnet20-int8.param, bin: {nets}/resnet20-int8.bin}}
    input: {{blob: in0, size: [32, 32], color: rgb, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]}}
    output: out0
    preprocess: {{backend: opencv}}
    tolerance: {{top1: 5.0}}
"""


@dataclass(frozen=True)
class Store:
    """A server that runs."""

    root: str
    """URL of the dataset."""
    environment: dict[str, str]
    """How a client finds the server."""
    put: Callable[[str, bytes], None]
    """Store a file of the dataset by its relative path."""


@contextmanager
def s3() -> Iterator[Store]:
    """Amazon's protocol, by moto."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        given = {
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }
        os.environ.update(given)
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)

        def put(name: str, data: bytes) -> None:
            client.put_object(Bucket=BUCKET, Key=f"data/{name}", Body=data)

        yield Store(f"s3://{BUCKET}/data", given, put)
    finally:
        server.stop()


@contextmanager
def gs() -> Iterator[Store]:
    """Google's protocol, by gcp-storage-emulator, which speaks HTTP only."""
    from gcp_storage_emulator.server import create_server

    port = 5056
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    try:
        given = {
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
            "GOOGLE_CLOUD_PROJECT": "any",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }
        os.environ.update(given)
        import gcsfs  # reads the environment as it is by now

        client = gcsfs.GCSFileSystem(token="anon")  # noqa: S106 - it is nobody's

        def put(name: str, data: bytes) -> None:
            client.pipe_file(f"{BUCKET}/data/{name}", data)

        yield Store(f"gs://{BUCKET}/data", given, put)
    finally:
        server.stop()


STORES = {"s3": s3, "gs": gs}


def write_dataset(folder: Path, cifar: Path, samples: int) -> list[str]:
    """The first images of the test list, with a list of their own; gives all relative paths."""
    lines = (cifar / "test.txt").read_text().splitlines()[:samples]
    names = [line.split()[0] for line in lines]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cifar / name, folder / name)
    (folder / "list.txt").write_text("\n".join(lines) + "\n")
    return [*names, "list.txt"]


def run(project: Path, *args: str) -> tuple[dict[str, Any] | None, str]:
    """The entry of the model in the report of a run, or none; and what was printed."""
    report = project / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "--quant", "--quant-cache", str(project / "cache"), *args]
    done = subprocess.run(
        [*command, "--quant-report", str(report)], cwd=project, capture_output=True, text=True, check=False
    )
    entry = json.loads(report.read_text())["models"].get("resnet20")
    return entry and {key: entry[key] for key in ("samples", "metrics", "flips")}, done.stdout


def project_at(folder: Path, root: str, shared: Path) -> Path:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    nets = shared.resolve() / "models" / "resnet20-cifar10"
    (folder / "zoo.quant.yaml").write_text(ZOO.format(root=root, nets=nets))
    return folder


def check(name: str, made: Path, shared: Path, samples: int) -> bool:
    data = made / f"{name}-data"
    names = write_dataset(data, shared / "data" / "cifar10", samples)
    disk = project_at(made / f"{name}-disk", str(data), shared)
    with STORES[name]() as store:
        for file in names:
            store.put(file, (data / file).read_bytes())
        there = project_at(made / name, store.root, shared)
        expected, _ = run(disk)
        found = [run(there)[0], run(there, "-n", "2", "--quant-no-cache")[0]]
        shutil.copyfile(data / names[1], data / names[0])
        store.put(names[0], (data / names[0]).read_bytes())
        moved, moved_there = run(disk)[0], run(there)[0]
    _, gone = run(there)
    said = next((line for line in gone.splitlines() if line.startswith(store.root)), gone)
    rows = {
        "figures equal those of the disk, serial and -n 2": expected is not None and found == [expected] * 2,
        "a replaced image moves both alike": moved is not None and moved == moved_there != expected,
        "a server that is gone is told with its URL": said.startswith(store.root),
    }
    for what, holds in rows.items():
        print(f"{name:3} {what:52} {'yes' if holds else 'NO'}")
    print(f"    {said[:160]}")
    return all(rows.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--stores", nargs="+", choices=list(STORES), default=list(STORES))
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which tells of every request
    with TemporaryDirectory() as made:
        found = [check(name, Path(made), given.shared, given.samples) for name in given.stores]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
