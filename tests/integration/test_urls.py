"""Datasets at URLs through whole runs."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import Run, run_quant

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'pytest-quant[dask]'")

import fsspec

COUNT = 24


class RefusingFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """``refusing://…``: files of this machine under the same path, but for what a server refuses."""

    protocol = "refusing"
    refused = ""

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if self.refused in path:
            raise PermissionError(f"403 Forbidden: {path}")
        return dict(fsspec.filesystem("file").info(f"/{path}"))

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[dict[str, Any]]:
        return list(fsspec.filesystem("file").ls(f"/{path}", detail=detail))

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        fsspec.filesystem("file").get_file(f"/{rpath}", lpath)


fsspec.register_implementation("refusing", RefusingFileSystem, clobber=True)


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path / "bucket", COUNT)
    _write_zoo(pytester.path, "bucket")
    return pytester.path


def _write_zoo(folder: Path, root: str, **keys: str) -> None:
    dataset = {"type": "image-list", "root": root, "list": "list.txt", **keys}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder)}, datasets={"colours": dataset})


def _compared(run: Run) -> dict[str, Any]:
    """The model's entry, without what differs from run to run."""
    assert run.report is not None, run.text + run.errors
    return {key: value for key, value in run.report["models"]["tiny"].items() if key != "timing"}


def test_a_dataset_at_a_url_is_the_dataset(pytester: pytest.Pytester, folder: Path) -> None:
    kept = ("--quant-cache", "kept")
    here = run_quant(pytester, *kept)
    _write_zoo(folder, f"file://{folder}/bucket")
    there = run_quant(pytester, *kept, "--quant-report", "report.md")
    assert (here.status, there.status) == (0, 0), there.text
    assert _compared(there) == _compared(here)
    assert there.report is not None
    assert there.report["models"]["tiny"]["timing"]["cached"] == {"fp32": True, "int8": True}
    row = next(line for line in there.text.splitlines() if line.startswith("tiny"))
    assert row in here.text
    assert "| tiny |" in (folder / "report.md").read_text()
    apart = run_quant(pytester, "-n", "2", "--quant-report", "report.html")
    assert _compared(apart) == _compared(here), "by workers that fetch, and nothing kept"
    assert "tiny" in (folder / "report.html").read_text()
    assert len(list((folder / "kept" / "urls" / "files").rglob("*.png"))) == COUNT
    # The server has other images by now.
    tiny.write_images(folder / "bucket", COUNT, seed=1)
    other = run_quant(pytester, *kept)
    assert _compared(other)["samples"]["sha256"] != _compared(there)["samples"]["sha256"]
    assert _compared(run_quant(pytester)) == _compared(other), "nothing kept is stale"


@pytest.fixture
def http(folder: Path) -> Iterator[ThreadingHTTPServer]:
    """A server of the bucket that lists its folders."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed, which fsspec takes for http://")
    handler = partial(_Quiet, directory=str(folder / "bucket"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    lists = True

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def list_directory(self, path: str | os.PathLike[str]) -> io.BytesIO | None:
        """Of a folder, unless it is a server that lists none."""
        if self.lists:
            return super().list_directory(path)
        self.send_error(404)
        return None


@pytest.mark.parametrize("lists", [True, False])
def test_an_http_server(
    pytester: pytest.Pytester, folder: Path, http: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, lists: bool
) -> None:
    here = _compared(run_quant(pytester))
    monkeypatch.setattr(_Quiet, "lists", lists)
    _write_zoo(folder, f"http://127.0.0.1:{http.server_port}")
    assert _compared(run_quant(pytester)) == here
    http.shutdown()
    http.server_close()
    found = run_quant(pytester)
    assert found.verdicts["tiny::top1"] == "error"
    assert "cannot be read: ClientConnectorError" in found.cases["tiny::top1"]["reason"]


def test_a_part_fetches_its_samples_alone(pytester: pytest.Pytester, folder: Path) -> None:
    _write_zoo(folder, f"file://{folder}/bucket")
    assert run_quant(pytester, "--quant-cache", "kept", "--quant-samples", "6").report is not None
    assert len(list((folder / "kept" / "urls" / "files").rglob("*.png"))) == 6


def test_a_url_where_nothing_is(pytester: pytest.Pytester, folder: Path) -> None:
    _write_zoo(folder, f"file://{folder}/none")
    found = run_quant(pytester)
    assert found.verdicts["tiny::top1"] == "skipped"
    assert f"the folder file://{folder}/none (`root`) does not exist" in found.cases["tiny::top1"]["reason"]


def test_a_list_that_leaves_its_url(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "bucket" / "list.txt").write_text("../secret.png 1\n")
    _write_zoo(folder, f"file://{folder}/bucket")
    assert "../secret.png" in run_quant(pytester).cases["tiny::top1"]["reason"]
    _write_zoo(folder, f"file://{folder}/bucket", list="../list.txt")
    assert "leaves `root`" in run_quant(pytester).cases["tiny::top1"]["reason"]


@pytest.mark.parametrize("refused", ["list.txt", "003.png"])
def test_a_server_that_refuses(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    monkeypatch.setattr(RefusingFileSystem, "refused", refused)
    _write_zoo(folder, f"refusing://{str(folder)[1:]}/bucket")
    found = run_quant(pytester)
    assert found.status == 1
    assert found.verdicts["tiny::top1"] == "error"
    reason = found.cases["tiny::top1"]["reason"]
    assert f"refusing://{str(folder)[1:]}/bucket/" in reason
    assert f"{refused}: cannot be read: PermissionError: 403 Forbidden" in reason


def test_a_url_that_nobody_opens(pytester: pytest.Pytester, folder: Path) -> None:
    _write_zoo(folder, "nobody://bucket/colours")
    found = run_quant(pytester)
    assert found.status == 1
    assert "nobody://bucket/colours': fsspec cannot open nobody:// URLs here" in found.cases["zoo"]["reason"]
