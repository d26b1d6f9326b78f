"""Kernels are forked from a process that has imported what they need; each is as a fresh one."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest
from jupyter_client import BlockingKernelClient
from jupyter_core.utils import run_sync

from retention.errors import RunError
from retention.runs.kernels import KernelPool, end_kernel
from retention.runs.nursery import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="kernels are not forked on this system")

TELL = """
import json, os, random, sys
print(json.dumps({
    "pid": os.getpid(), "parent": os.getppid(), "random": random.random(),
    "mark": globals().get("mark"), "folder": os.getcwd(), "hash": hash("x"),
    "variable": os.environ["MARKED"], "imports_causalml": "causalml" in sys.modules,
    "keeps_history": get_ipython().history_manager.enabled,
}))
mark = 1
"""


@pytest.fixture
def pool(tmp_path):
    made = KernelPool(1, 3, tmp_path, {"MARKED": "yes"})
    yield made
    made.close()


def printed(manager, code: str, heard=lambda text: None) -> str:
    """Return what a kernel prints; ``heard`` is given each piece as it comes."""
    client = BlockingKernelClient()
    client.load_connection_info(manager.get_connection_info())
    client.start_channels()
    client.wait_for_ready(timeout=60)
    lines: list[str] = []

    def hear(message) -> None:
        lines.append(message["content"].get("text", ""))
        heard(lines[-1])

    client.execute_interactive(code, output_hook=hear, timeout=60)
    client.stop_channels()
    return "".join(lines)


def told(manager) -> dict:
    """Return what a kernel says of itself."""
    return json.loads(printed(manager, TELL))


def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.1)
    return False


def test_kernels_are_forked_alike_and_know_nothing_of_each_other(pool, tmp_path):
    managers = [pool.take(), pool.take()]
    first, second = (told(manager) for manager in managers)
    assert first["pid"] != second["pid"]
    assert first["parent"] == second["parent"]
    assert first["mark"] is second["mark"] is None
    assert first["random"] != second["random"]
    assert first["hash"] == second["hash"]
    assert first["variable"] == "yes"
    assert Path(first["folder"]) == tmp_path
    assert not first["imports_causalml"]
    assert not first["keeps_history"]
    for manager in managers:
        end_kernel(manager)
    assert gone(first["pid"])


def test_shutting_down_interrupts_no_cell_and_makes_no_kernel_complain(pool):
    manager = pool.take()

    def interrupt(text: str) -> None:
        if "begun" in text:
            run_sync(manager.interrupt_kernel)()

    code = "import time\nprint('begun', flush=True)\ntime.sleep(0.5)\nprint('done')"
    assert printed(manager, code, interrupt).split() == ["begun", "done"]
    kernel = told(manager)
    run_sync(manager.shutdown_kernel)()
    assert gone(kernel["pid"])


def test_a_kernel_that_was_left_ends_with_the_pool(pool):
    kernel = told(pool.take())
    pool.close()
    assert gone(kernel["pid"])
    assert gone(kernel["parent"])


def test_a_nursery_that_has_died_is_told_in_words(pool):
    kernel = told(pool.take())
    psutil.Process(kernel["parent"]).kill()
    assert gone(kernel["parent"])
    with pytest.raises(RunError, match="forked from has ended"):
        pool.take()
