"""Kernels, each used once: a notebook need not wait for Python and its imports."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from pathlib import Path
from threading import Lock
from typing import Any

from jupyter_client import AsyncKernelManager, BlockingKernelClient
from jupyter_core.utils import run_sync

from retention.runs.nursery import CAN_FORK, WARM_UP, ForkingProvisioner, Nursery

WITHOUT_HISTORY = ["--HistoryManager.enabled=False"]
"""What a run executes is in its notebooks; a person's own history of input is none of its affair,
nor should a run depend on whether that can be written."""


def end_kernel(manager: AsyncKernelManager) -> None:
    """End a kernel and what belongs to it.

    It is killed first, for shutting it down would interrupt it, of which it would complain.
    """
    if manager.has_kernel:
        run_sync(manager.provisioner.kill)()
        run_sync(manager.shutdown_kernel)(now=True)


class KernelPool:
    """Hands out kernels: forked where that can be, else from a few that are kept warm.

    A run that reuses everything starts none.

    Parameters
    ----------
    ahead
        Kernels to keep warm; where they are forked, one is enough.
    total
        Kernels that will be taken altogether; none is started beyond that.
    directory
        Working directory of the kernels.
    environment
        Variables added to the kernels' environment.
    """

    def __init__(
        self, ahead: int, total: int, directory: Path, environment: dict[str, str]
    ) -> None:
        self._left = total
        self._ahead = min(ahead, 1) if CAN_FORK else ahead
        self._nursery: Nursery | None = None
        self._directory = directory
        self._environment = {**os.environ, "PYTHONHASHSEED": "0", **environment}
        self._warm: deque[tuple[AsyncKernelManager, BlockingKernelClient]] = deque()
        self._lock = Lock()
        # Unix sockets in a folder that only we can enter: nothing passes over the network stack.
        self._sockets = tempfile.TemporaryDirectory(prefix="retention-", ignore_cleanup_errors=True)
        self._started = 0

    def take(self) -> AsyncKernelManager:
        """Hand out a kernel; it is the taker's to shut down."""
        with self._lock:
            if not self._warm:
                self._left = max(self._left, 1)
                self._fill(at_least=1)
            manager, client = self._warm.popleft()
            client.stop_channels()
            self._fill()
        return manager

    def close(self) -> None:
        """Shut down what nobody took."""
        with self._lock:
            self._left = 0
            while self._warm:
                manager, client = self._warm.popleft()
                client.stop_channels()
                end_kernel(manager)
            if self._nursery is not None:
                self._nursery.close()
        self._sockets.cleanup()

    def _fill(self, at_least: int = 0) -> None:
        """Start kernels until enough are warm."""
        while self._left > 0 and len(self._warm) < max(self._ahead, at_least):
            self._warm.append(self._start())
            self._left -= 1

    def _start(self) -> tuple[AsyncKernelManager, BlockingKernelClient]:
        """Start one kernel and let it import in the background."""
        self._started += 1
        address = f"{self._sockets.name}/{self._started}"
        # Asynchronous, because papermill's client watches for a kernel's death while it waits; with
        # a blocking one it would wait for ever.
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=address)
        if CAN_FORK:
            manager.provisioner = self._forking(manager)
        options: dict[str, Any] = {"cwd": str(self._directory), "env": self._environment}
        run_sync(manager.start_kernel)(extra_arguments=WITHOUT_HISTORY, **options)
        client = BlockingKernelClient()
        client.load_connection_info(manager.get_connection_info())
        # The shell alone: a heartbeat would outlive the client that is dropped at once.
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        client.execute(WARM_UP, silent=True, store_history=False)
        return manager, client

    def _forking(self, manager: AsyncKernelManager) -> ForkingProvisioner:
        """Return what lets the pool's nursery start a manager's kernel."""
        if self._nursery is None:
            self._nursery = Nursery(self._directory, self._environment)
        provisioner = ForkingProvisioner(
            kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager
        )
        provisioner.nursery = self._nursery
        return provisioner
