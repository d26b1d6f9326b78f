"""Warm kernels, each used once: a notebook need not wait for Python and its imports."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from pathlib import Path
from threading import Lock
from typing import Any

from jupyter_client import AsyncKernelManager, BlockingKernelClient
from jupyter_core.utils import run_sync

WARM_UP = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot, numpy, pandas, pyarrow.parquet, duckdb, scipy.stats, IPython.display
import retention.runs.stage, retention.reports
"""
"""What every notebook imports anyway; nothing here changes what a notebook computes."""


def end_kernel(manager: AsyncKernelManager) -> None:
    """End a kernel and what belongs to it.

    It is killed first, for shutting it down would interrupt it, of which it would complain.
    """
    if manager.has_kernel:
        run_sync(manager.provisioner.kill)()
        run_sync(manager.shutdown_kernel)(now=True)


class KernelPool:
    """Keeps a few started kernels ahead of need, from the first one taken.

    A run that reuses everything starts none.

    Parameters
    ----------
    ahead
        Kernels to keep warm.
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
        self._ahead = ahead
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
        options: dict[str, Any] = {"cwd": str(self._directory), "env": self._environment}
        run_sync(manager.start_kernel)(**options)
        client = BlockingKernelClient()
        client.load_connection_info(manager.get_connection_info())
        # The shell alone: a heartbeat would outlive the client that is dropped at once.
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        client.execute(WARM_UP, silent=True, store_history=False)
        return manager, client
