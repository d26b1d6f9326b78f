"""Runs the toy profile in processes that are killed at chosen moments; one import serves them all.

Reads one JSON order a line from standard input and answers each with how the process ended:
``{"fresh": bool, "write": n}`` kills at the n-th change to the file system (0: at none),
``{"fresh": bool, "after": seconds, "whom": "all" | "kernel"}`` kills from outside,
``{"resume": true}`` resumes, or runs where there is nothing to resume.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from contextlib import suppress

import psutil

from retention.errors import RetentionError
from retention.runs import runner
from retention.runs.workspace import Workspace

CHANGES = ("replace", "rename", "link", "symlink", "mkdir", "unlink", "fsync", "chmod")

UNEXPECTED = 70
"""Exit code of a process that ended by an error it should not have met."""


def die_at(change: int) -> None:
    """Let this process kill itself at the n-th change to the file system, and its kernels too."""
    left = [change]

    def guarded(function):
        def wrapper(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os.killpg(0, signal.SIGKILL)
            return function(*arguments, **options)

        return wrapper

    for name in CHANGES:
        setattr(os, name, guarded(getattr(os, name)))


def work(order: dict) -> int:
    """Do what is ordered and return the exit code."""
    place = Workspace.find()
    if order.get("write"):
        die_at(order["write"])
    options = runner.Options(fresh=order.get("fresh", False))
    try:
        if order.get("resume"):
            try:
                runner.resume_profile(place, "toy")
            except RetentionError as error:
                if "no unfinished run" not in str(error):
                    raise
                runner.run_profile(place, "toy", options)
        else:
            runner.run_profile(place, "toy", options)
    except RetentionError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def child(order: dict) -> int:
    """Start a process for an order, in a group of its own."""
    process = os.fork()
    if process == 0:
        os.setsid()
        code = UNEXPECTED
        try:
            code = work(order)
        finally:
            if code == UNEXPECTED:
                traceback.print_exc()
            os._exit(code)
    return process


def kernels_of(process: int) -> list[psutil.Process]:
    """Return the kernels of a runner: they are forked from a child of its own."""
    found = []
    for child in psutil.Process(process).children():
        with suppress(psutil.NoSuchProcess):  # it may have ended by itself meanwhile
            found += child.children()
    return found


def kill_after(process: int, order: dict) -> None:
    """Wait, then kill the runner with its kernels, or one kernel alone."""
    time.sleep(order["after"])
    if order["whom"] == "all":
        os.killpg(process, signal.SIGKILL)
        return
    while psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        kernels = kernels_of(process)
        if kernels:
            with suppress(psutil.NoSuchProcess):  # it may have ended by itself meanwhile
                random.Random(1).choice(kernels).kill()
            return
        time.sleep(0.05)


for line in sys.stdin:
    task = json.loads(line)
    began = time.monotonic()
    worker = child(task)
    if "after" in task:
        kill_after(worker, task)
    _, status = os.waitpid(worker, 0)
    answer = {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - began}
    print(json.dumps(answer), flush=True)
