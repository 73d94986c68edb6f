"""An emulated ARM machine in a folder: Debian's Python and the wheels of NumPy and ncnn, run by QEMU's user mode.

No root rights and no kernel support are needed; a wrapper script starts it like any other Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from pytest_quant.spec.errors import QuantError

WRAPPER = "qemu-python"
ARCHITECTURE = "arm64"

_PACKAGES = ("python3-minimal", "libpython3-stdlib", "libgomp1", "libstdc++6")
"""With what they depend on: a Python that can load the wheels of NumPy and ncnn."""

_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


class EmulationError(QuantError):
    """A step of making the emulated machine failed, or a tool for it is not there."""


def emulate(folder: Path, cpu: str) -> Path:
    """Make the emulated machine in ``folder`` and give the path of its wrapper; what is there already is used again.

    Raises `EmulationError` with what a step printed.
    """
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise EmulationError(f"{tool} is not on this machine: the emulated one is made from Debian packages")
    folder = folder.resolve()
    root, site = folder / "root", folder / "site"
    if not (folder / "qemu").is_dir():
        host = _run(["dpkg", "--print-architecture"]).strip()
        _unpack(_packages(folder, host, ["qemu-user-static"], alone=True), folder / "qemu")
    if not root.is_dir():
        _unpack(_packages(folder, ARCHITECTURE, _PACKAGES), root)
    python = _python(root)
    if not site.is_dir():
        _wheels(folder, site, python.name.removeprefix("python"))
    wrapper = folder / WRAPPER
    wrapper.write_text(_wrapper(folder, python, cpu), encoding="utf-8")
    wrapper.chmod(0o755)
    hide_from_pytest(folder)
    _run([str(wrapper), "-c", "import ncnn, numpy"])
    return wrapper


def hide_from_pytest(folder: Path) -> None:
    """Keep pytest, where it walks over the folder, from taking NumPy's tests for the user's: it would end at them."""
    (folder / "conftest.py").write_text('collect_ignore_glob = ["*"]\n', encoding="utf-8")


def _packages(folder: Path, architecture: str, names: Sequence[str], *, alone: bool = False) -> list[Path]:
    """Debian packages of an architecture, as files; with what they depend on unless ``alone``."""
    state = folder / f"apt-{architecture}"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "Dir::State": state / "state",
        "Dir::Cache": state / "cache",
        "Dir::State::status": state / "status",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"])
    archives = state / "cache" / "archives"
    if alone:
        _run([*apt, "download", *names], folder=archives)
    else:
        _run([*apt, "--yes", "--no-install-recommends", "--download-only", "install", *names])
    return sorted(archives.glob("*.deb"))


def _unpack(packages: Sequence[Path], folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    for package in packages:
        _run(["dpkg-deb", "-x", str(package), str(fresh)])
    fresh.rename(folder)


def _python(root: Path) -> Path:
    """The interpreter below ``root``, such as ``python3.11``."""
    found = sorted(path for path in (root / "usr" / "bin").glob("python3.*") if path.name[8:].isdigit())
    if not found:
        raise EmulationError(f"{root}: Debian's packages brought no python3")
    return found[-1]


def _wheels(folder: Path, site: Path, python: str) -> None:
    wheels = folder / "wheels"
    _run(
        [
            *(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(wheels)),
            *(f"--platform={platform}" for platform in _PLATFORMS),
            *(f"--python-version={python}", "--implementation=cp", f"ncnn=={version('ncnn')}", "numpy"),
        ]
    )
    fresh = site.with_name(site.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    for wheel in sorted(wheels.glob("*.whl")):
        shutil.unpack_archive(wheel, fresh, "zip")
    fresh.rename(site)


def _wrapper(folder: Path, python: Path, cpu: str) -> str:
    emulator = next((folder / "qemu" / "usr" / "bin").glob("qemu-aarch64-static"))
    return (
        "#!/bin/sh\n"
        "# Python of an emulated ARM machine; QEMU_CPU in the environment chooses another processor.\n"
        "unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE\n"
        f'QEMU_CPU="${{QEMU_CPU:-{cpu}}}" exec "{emulator}" -0 "{folder / WRAPPER}" -L "{folder / "root"}" \\\n'
        f'  -E PYTHONHOME="{folder / "root" / "usr"}" -E PYTHONPATH="{folder / "site"}" \\\n'
        f'  "{python}" "$@"\n'
    )


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(list(command), cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = " / ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise EmulationError(f"{Path(command[0]).name} failed ({done.returncode}): {said or 'it printed nothing'}")
    return done.stdout
