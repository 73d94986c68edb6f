from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import cv2
import pytest

from pytest_quant.evaluation.cores import CorePool, available_cores, single_threaded_opencv
from tests.unit.evaluation.processes import child, said

HOLD_CORE = """
import sys
from pathlib import Path
from pytest_quant.evaluation.cores import CorePool

with CorePool(Path(sys.argv[1]), int(sys.argv[2])).core():
    print("held", flush=True)
    sys.stdin.read()
"""

TAKE_TURNS = """
import os, sys, threading, time
from pathlib import Path
from pytest_quant.evaluation.cores import CorePool

pool, log = CorePool(Path(sys.argv[1]), 2), os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def work():
    for _ in range(15):
        with pool.core():
            os.write(log, b"+")  # one write is one step, whatever process it comes from
            time.sleep(0.002)
            os.write(log, b"-")

threads = [threading.Thread(target=work) for _ in range(3)]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_never_more_than_the_given_number_of_cores_are_held_across_threads_and_processes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    args = (TAKE_TURNS, tmp_path / "cores", log)
    with child(*args) as one, child(*args) as two:
        for process in (one, two):
            assert said(process) == "ready"
        for process in (one, two):
            process.communicate("go\n", timeout=60)
            assert process.returncode == 0
    held, most = 0, 0
    for step in log.read_text():
        held += 1 if step == "+" else -1
        most = max(most, held)
    assert most == 2
    assert log.stat().st_size == 2 * (2 * 3 * 15)


def test_threads_of_one_process_share_the_cores_too(tmp_path: Path) -> None:
    pool, lock, held, most = CorePool(tmp_path, 3), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal held, most
        for _ in range(5):
            with pool.core():
                with lock:
                    held += 1
                    most = max(most, held)
                time.sleep(0.002)
                with lock:
                    held -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_a_core_comes_back_when_its_process_is_killed(tmp_path: Path) -> None:
    with child(HOLD_CORE, tmp_path, 1) as holder:
        assert said(holder) == "held"
        got = threading.Event()

        def take() -> None:
            with CorePool(tmp_path, 1).core():
                got.set()

        thread = threading.Thread(target=take)
        thread.start()
        assert not got.wait(0.05)
        holder.kill()
        assert got.wait(30)
        thread.join()


def test_a_core_comes_back_after_an_error(tmp_path: Path) -> None:
    pool = CorePool(tmp_path, 1)
    with pytest.raises(ZeroDivisionError), pool.core():
        raise ZeroDivisionError
    with pool.core():
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not bind processes to cores")
def test_cores_are_those_that_this_process_may_run_on() -> None:
    allowed = os.sched_getaffinity(0)
    assert available_cores() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_opencv_gets_its_threads_back_also_after_an_error() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        with single_threaded_opencv():
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 2
        with pytest.raises(ZeroDivisionError), single_threaded_opencv():
            raise ZeroDivisionError
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
