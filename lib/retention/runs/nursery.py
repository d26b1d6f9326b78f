"""A process that has imported what every notebook needs, and forks a kernel when one is wanted.

Python and its imports take five processor seconds and 170 MB; of a fork they take neither. What is
imported starts no thread and draws no random number, so that a forked kernel is as a fresh one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import psutil
from jupyter_client.provisioning import LocalProvisioner

from retention.errors import RunError

CAN_FORK = sys.platform == "linux"
"""Elsewhere the system forbids it or knows no fork: there, kernels start by themselves."""

WARM_UP = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot, numpy, pandas, pyarrow.parquet, duckdb, scipy.stats, IPython.display
import retention.runs.stage, retention.reports
"""
"""What every notebook imports anyway; nothing here changes what a notebook computes."""


class Nursery:
    """The process that kernels are forked from; it ends with the one that opened it.

    Parameters
    ----------
    directory
        Working directory of the kernels.
    environment
        Environment of the kernels.
    """

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "retention.runs.nursery"], cwd=directory, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def fork(self, arguments: list[str]) -> ForkedKernel:
        """Return a new kernel, started with what a launcher of kernels would be given."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        with suppress(BrokenPipeError):
            asked.write(json.dumps(arguments) + "\n")
            asked.flush()
        answer = answered.readline()
        if not answer:
            raise RunError(
                "The process that kernels are forked from has ended.",
                "Mostly memory was short; free some, then `retention resume` the profile.",
            )
        return ForkedKernel(int(answer))

    def close(self) -> None:
        """End the process; kernels that are left end with it."""
        with suppress(BrokenPipeError):
            self._process.communicate()


class ForkedKernel:
    """A kernel's process, with what `jupyter_client` asks of a child of its own.

    Parameters
    ----------
    pid
        Number of the process.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    def poll(self) -> int | None:
        """Return None while the process lives; how it ended is not known."""
        return None if self._process is not None and self._process.is_running() else 1

    def wait(self) -> int:
        """Wait for its end."""
        if self._process is not None:
            self._process.wait()
        return 1

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still lives."""
        if self._process is not None and self._process.is_running():
            self._process.send_signal(number)


class ForkingProvisioner(LocalProvisioner):
    """Lets a nursery start the kernel; everything else is as for a local one."""

    nursery: Nursery

    async def launch_kernel(self, cmd: list[str], **_: Any) -> dict[str, Any]:
        """Have the kernel forked; ``cmd`` is how a launcher would be called, its own name first."""
        self.process = self.nursery.fork(cmd[cmd.index("-f") :])
        self.pid = self.pgid = self.process.pid
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Pass on every signal but an interrupt.

        Only whoever shuts a kernel down sends one: it asks for its end as well, and an idle kernel
        would complain of the interrupt in the middle of a run's messages.
        """
        if signum != signal.SIGINT:
            await super().send_signal(signum)


def _serve(orders: TextIO, answers: TextIO) -> None:
    """Fork a kernel for every line of arguments, until no more can come."""
    exec(WARM_UP, {})
    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels that end leave nothing behind
    for line in orders:
        child = os.fork()
        if child == 0:
            orders.close()
            answers.close()
            _become_kernel(IPKernelApp, json.loads(line))
        answers.write(f"{child}\n")
        answers.flush()


def _become_kernel(application: Any, arguments: list[str]) -> None:
    """Run a kernel in this process, which ends with it or with the nursery."""
    parent = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    application.launch_instance(argv=[*arguments, f"--IPKernelApp.parent_handle={parent}"])
    sys.exit()


def main() -> None:
    """Serve over what were standard input and output; kernels get neither."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    _serve(orders, answers)
    os._exit(0)  # taking down what was imported would take half a second


if __name__ == "__main__":
    main()
