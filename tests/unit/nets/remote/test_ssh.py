"""Over a real ssh, to a daemon of the test's own on the loopback interface."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.nets.ncnn.feeding import Feeding
from pytest_quant.nets.ncnn.options import runtime_options
from pytest_quant.nets.remote.connection import TargetError
from pytest_quant.nets.remote.remote_net import RemoteRunner, RemoteSetup
from pytest_quant.nets.remote.target import Target
from tests.tiny import SIDE, write_net

_SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")

pytestmark = pytest.mark.skipif(
    _SSHD is None or shutil.which("ssh") is None, reason="no OpenSSH server and client on this machine"
)


@dataclass(frozen=True)
class Daemon:
    """An ssh daemon that accepts one key."""

    folder: Path
    port: int

    def spec(self, key: str) -> str:
        options = (
            *("BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"),
            *("IdentitiesOnly=yes", "LogLevel=ERROR"),
        )
        words = [f"-o {option}" for option in options]
        words += [f"-i {self.folder / key}", f"-p {self.port}", f"{getpass.getuser()}@127.0.0.1"]
        return f"ssh={' '.join(words)}//python={sys.executable}"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("ssh")
    folder.chmod(0o700)
    for key in ("host", "right", "wrong"):
        command = [str(shutil.which("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    (folder / "authorized").write_text((folder / "right.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = (
        *(f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host'}", f"PidFile {folder / 'pid'}"),
        *(f"AuthorizedKeysFile {folder / 'authorized'}", "StrictModes no", "UsePAM no", "PasswordAuthentication no"),
        *("KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password"),
    )
    (folder / "config").write_text("\n".join(lines) + "\n")
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(exist_ok=True)  # the daemon's own demand
    assert _SSHD is not None
    process = subprocess.Popen([_SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.PIPE)
    try:
        _wait_for(port, process)
        yield Daemon(folder, port)
    finally:
        process.terminate()
        process.communicate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {process.communicate()[1].decode(errors='replace').strip()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("sshd does not listen")


def test_a_net_runs_over_ssh(daemon: Daemon, tmp_path: Path) -> None:
    write_net(tmp_path, "net", int8=True)
    target = Target(daemon.spec("right"))
    try:
        options = runtime_options("reference")
        setup = RemoteSetup(tmp_path / "net.param", tmp_path / "net.bin", Feeding("data"), ("prob",), options)
        runner = RemoteRunner(setup, target)
        outputs = runner.run(np.zeros((3, SIDE, SIDE), np.float32))
    finally:
        target.close()
    assert outputs["prob"].sum() == pytest.approx(1, abs=1e-5)


def test_a_key_that_is_not_accepted(daemon: Daemon) -> None:
    with pytest.raises(TargetError, match="a key that is not accepted"):
        _ = Target(daemon.spec("wrong")).facts


def test_a_port_where_nobody_listens(daemon: Daemon) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        unused = Daemon(daemon.folder, free.getsockname()[1])
    with pytest.raises(TargetError, match="ssh cannot get there"):
        _ = Target(unused.spec("right")).facts
