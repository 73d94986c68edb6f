"""A connection to a target: opened by an execnet specification, with every fault of it as one clear error.

Nothing listens on a port: the far side is a child process, of ssh as a rule, and speaks over its standard streams.
"""

from __future__ import annotations

import inspect
import subprocess
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_quant.nets.remote import far_side
from pytest_quant.nets.remote.far_side import Channel
from pytest_quant.nets.remote.shared_inputs import SharedInputs
from pytest_quant.spec.errors import QuantError

OPEN_TIMEOUT_S = 60.0
"""How long a target may take to answer at all."""

NET_THREADS = 1
"""Of a forward pass there, as here: several nets and inputs run side by side."""

OLDEST_PYTHON = "3.8"
"""Of a target."""

_SSH_OPTIONS = "-o BatchMode=yes -o ConnectTimeout=20"
"""Nobody is there to type a password; a host without a route is told within seconds."""

_END_TIMEOUT_S = 2.0

_AGAIN = f"import sys; sys.{far_side.SERVE}(channel)"
"""The program of a request to a far side that has answered one: it is there already."""

T = TypeVar("T")


class TargetError(QuantError):
    """The target cannot be reached, or cannot do what it is asked."""


class TargetLostError(TargetError):
    """The connection ended in the middle of something that another try may bring to its end."""


@dataclass(frozen=True)
class TargetFacts:
    """The machine that runs the nets, by its own telling."""

    machine: str
    """Such as ``aarch64``."""
    system: str
    host: str
    python: str
    numpy: str
    ncnn: str
    isa: tuple[str, ...]
    """What ncnn there says its kernels may use, such as ``arm_asimdhp``; never the system's list of flags, which under
    emulation is that of the machine beneath."""
    cores: int
    byteorder: str

    @property
    def runtime(self) -> str:
        """What runs nets there, in words: as ``kind``, the runtime first."""
        return f"ncnn {self.ncnn} on {self._machine}, {NET_THREADS} thread"

    @property
    def kind(self) -> str:
        """What results depend on, in words: machine, instruction sets, the version of ncnn and a net's threads."""
        return f"{self._machine}, ncnn {self.ncnn}, {NET_THREADS} thread"

    @property
    def _machine(self) -> str:
        return f"{self.machine} ({' '.join(self.isa) or 'no instruction set told'})"


def with_ssh_options(spec: str) -> str:
    """The specification, with ssh told to ask nothing; one that has ``-o`` options of its own stays as it is.

    >>> with_ssh_options("ssh=pi@board//python=python3")
    'ssh=-o BatchMode=yes -o ConnectTimeout=20 pi@board//python=python3'
    """
    kind, equals, rest = spec.partition("=")
    if kind != "ssh" or not equals or rest.startswith("-o"):
        return spec
    return f"ssh={_SSH_OPTIONS} {rest}"


class Connection:
    """One far side and its channels; threads share it."""

    def __init__(self, spec: str) -> None:
        """Connect to what an execnet specification names; raises `TargetError`."""
        self.spec = spec
        self.shared: SharedInputs | None = None
        """Memory that the far side sees, too."""
        self._is_served = False
        self._group, self._gateway = _within(
            OPEN_TIMEOUT_S, lambda: _open(spec), f"target {spec}: did not answer within {OPEN_TIMEOUT_S:g} s"
        )

    def request(self, kind: str, argument: object = None) -> Channel:
        """A channel on which the far side serves one request; raises `TargetLostError`."""
        try:
            channel: Channel = self._gateway.remote_exec(_AGAIN if self._is_served else _program())
            channel.send((kind, argument))
        except (OSError, EOFError) as error:
            raise self.lost(error) from error
        return channel

    def facts(self) -> TargetFacts:
        """What the far side says of itself; raises `TargetError` where it lacks Python, NumPy or ncnn."""
        try:
            kind, told = self.receive(self.request("facts"), OPEN_TIMEOUT_S)
        except TargetLostError:
            raise TargetLostError(
                f"target {self.spec}: the connection ended before anything was said of the machine: it needs Python "
                f"{OLDEST_PYTHON} or newer (what it printed stands on stderr), and a way there that stays open"
            ) from None
        if kind != "facts":
            raise TargetError(
                f"target {self.spec}: {told}: the target needs Python, NumPy and ncnn (pip install ncnn there)"
            )
        self._is_served = True
        found = TargetFacts(**{**told, "isa": tuple(told["isa"])})
        if found.byteorder != "little":
            raise TargetError(f"target {self.spec}: {found.machine} is big-endian, which ncnn's files are not made for")
        return found

    def share(self, size: int) -> None:
        """Let both sides see so many bytes of memory, where this system has them and the far side is on it.

        Where it has fewer, a quarter: a container often has 64 MB in all.
        """
        shared = SharedInputs.make(size) or SharedInputs.make(size // 4)
        if shared is None:
            return
        try:
            _, is_seen = self.receive(
                self.request("memory", (str(shared.path), shared.token, shared.size)), OPEN_TIMEOUT_S
            )
        finally:
            shared.hide()
        self.shared = shared if is_seen else None

    def receive(self, channel: Channel, timeout_s: float) -> Any:
        """The next answer; raises `TargetError` after ``timeout_s`` seconds, `TargetLostError` without a connection."""
        from execnet.gateway_base import RemoteError
        from execnet.gateway_base import TimeoutError as ChannelTimeoutError

        try:
            return channel.receive(timeout_s)
        except ChannelTimeoutError:
            raise TargetError(f"target {self.spec}: gave no answer within {timeout_s:g} s") from None
        except RemoteError as error:
            raise TargetError(f"target {self.spec}: failed there: {error.formatted.strip()}") from None
        except (EOFError, OSError) as error:
            raise self.lost(error) from error

    def lost(self, error: BaseException) -> TargetLostError:
        """The error of a connection that is no more."""
        said = str(error).strip().rpartition("\n")[2]
        return TargetLostError(
            f"target {self.spec}: the connection ended{f' ({said})' if said else ''}: the far side died, or the way to "
            "it broke off"
        )

    def close(self) -> None:
        """End the far side, also one that does not listen any more."""
        self._group.terminate(timeout=_END_TIMEOUT_S)
        _end(self._gateway._io.popen)


def _program() -> str:
    """What runs there."""
    return inspect.getsource(far_side)


def _open(spec: str) -> tuple[Any, Any]:
    import execnet

    group = execnet.Group()
    try:
        return group, group.makegateway(with_ssh_options(spec))
    except execnet.HostNotFound as error:
        _end_child(error)
        raise TargetError(
            f"target {spec}: ssh cannot get there: no route, an unknown host, or a key that is not accepted (it "
            "printed why to stderr); try the same ssh command by hand"
        ) from None
    except (ValueError, KeyError, AttributeError, AssertionError) as error:
        raise TargetError(
            f"target {spec}: {error or 'is not understood'}: expected an execnet gateway specification such as "
            "ssh=pi@board//python=python3 or popen//python=python3.12"
        ) from None
    except BrokenPipeError as error:
        _end_child(error)
        raise TargetLostError(f"target {spec}: the connection ended: what was started there ended at once") from None
    except OSError as error:
        raise TargetError(f"target {spec}: cannot be started: {error.strerror}: {error.filename}") from None


def _end_child(error: BaseException) -> None:
    """End the child process that execnet leaves behind where it found no host."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "io" in frame.f_locals:
            _end(frame.f_locals["io"].popen)
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):  # what was still to be written
            if stream is not None:
                stream.close()


def _within(timeout_s: float, work: Callable[[], T], message: str) -> T:
    """What ``work`` gives, done in a thread that is left alone when it takes longer."""
    found: list[T] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failed:
        raise failed[0]
    if not found:
        raise TargetError(message)
    return found[0]
