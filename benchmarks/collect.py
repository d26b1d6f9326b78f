"""Finding the modules with cases and running them, one process for each."""

from __future__ import annotations

import argparse
import fcntl
import importlib
import json
import pkgutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.record import HERE, Entry, current_commit, merged, read, stamped, write
from benchmarks.render import markdown

PAGES = {"validity": "VALIDITY.md", "speed": "RESULTS.md"}
PRIVATE = "_"
MACHINE = "machine.json"


def modules(kind: str) -> list[str]:
    """Return the names of the modules of one kind of evidence that have cases."""
    found = pkgutil.iter_modules([str(HERE / kind)])
    return sorted(m.name for m in found if not m.name.startswith(PRIVATE) and not m.ispkg)


def run_module(kind: str, name: str) -> list[Entry]:
    """Run the cases of one module in this process; one that raises is an entry that misses."""
    commit, entries = current_commit(), []
    label = f"{kind}.{name}"
    try:
        for entry in importlib.import_module(f"benchmarks.{kind}.{name}").cases():
            entries.append(stamped(entry, label, commit))
            _tell(entry)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is evidence, and is shown
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        entries.append(stamped(_broken(kind, name, reason), label, commit))
        _tell(entries[-1])
    return entries


def run_apart(kind: str, name: str) -> list[Entry]:
    """Run the cases of one module in a process of its own, so that none disturbs the next."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "entries.json"
        code = (
            "import sys; from pathlib import Path; from benchmarks.collect import run_module;"
            "from benchmarks.record import write;"
            "write(Path(sys.argv[3]), run_module(sys.argv[1], sys.argv[2]))"
        )
        command = [sys.executable, "-c", code, kind, name, str(path)]
        done = subprocess.run(command, cwd=HERE.parent, check=False)
        if done.returncode or not path.is_file():
            reason = f"its process ended with exit code {done.returncode}"
            return [stamped(_broken(kind, name, reason), f"{kind}.{name}", current_commit())]
        return read(path)


def main(
    kind: str,
    arguments: argparse.Namespace,
    machine: dict[str, str] | None = None,
    folder: Path | None = None,
) -> int:
    """Measure (or only check) one kind of evidence into ``folder``; return the exit code."""
    folder = folder or HERE
    if arguments.check:
        return _check(kind, folder)
    fresh: list[Entry] = []
    for name in _chosen(kind, arguments.area):
        started = time.perf_counter()
        print(f"== {kind}.{name}", flush=True)
        entries = run_apart(kind, name)
        _keep(kind, folder, entries, name, machine)
        print(f"   {time.perf_counter() - started:.1f} s", flush=True)
        fresh += entries
    missed = [entry for entry in fresh if not entry.ok]
    print(f"{len(fresh) - len(missed)} of {len(fresh)} hold; see {folder / PAGES[kind]}")
    return 1 if missed else 0


def _keep(
    kind: str, folder: Path, entries: list[Entry], name: str, machine: dict[str, str] | None
) -> None:
    """Put one module's entries in place of its earlier ones, and render the page anew.

    Done after every module and under a lock: an interrupted run keeps what it measured, and two
    runs of different modules do not lose each other's entries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{kind}.json"
    with (folder / f".{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        gone = {entry.module for entry in read(data)} - {f"{kind}.{m}" for m in modules(kind)}
        kept = merged(read(data), entries, gone | {f"{kind}.{name}"})
        write(data, kept)
        if machine is not None:
            text = json.dumps(machine, indent=1) + "\n"
            (folder / MACHINE).write_text(text, encoding="utf-8")
        page = markdown(kind, read(data), _machine(kind, folder))
        (folder / PAGES[kind]).write_text(page, encoding="utf-8")


def parser(description: str) -> argparse.ArgumentParser:
    """Return the options that both commands share."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--area", action="append", help="module to run alone (repeatable)")
    options.add_argument(
        "--check", action="store_true", help="only say whether the page matches its data"
    )
    return options


def _check(kind: str, folder: Path) -> int:
    """Say whether the rendered page matches its data."""
    data, page = folder / f"{kind}.json", folder / PAGES[kind]
    if not data.is_file() and not page.is_file():
        print(f"{data.name}: nothing has been measured yet")
        return 0
    shown = page.read_text(encoding="utf-8") if page.is_file() else ""
    if shown == markdown(kind, read(data), _machine(kind, folder)):
        print(f"{page.name} matches {data.name}")
        return 0
    print(f"{page.name} does not match {data.name}: run the measurement again, or render it.")
    return 1


def _chosen(kind: str, asked: list[str] | None) -> list[str]:
    """Return the modules to run; an unknown one is refused."""
    known = modules(kind)
    unknown = sorted(set(asked or []) - set(known))
    if unknown:
        raise SystemExit(f"no {kind} module {', '.join(unknown)}; there are: {', '.join(known)}")
    return asked or known


def _broken(kind: str, name: str, reason: str) -> Entry:
    """Return the entry of a module that did not run to its end."""
    goal = "runs" if kind == "speed" else None
    expected = None if goal else "yes"
    return Entry(name, "the module ran to its end", expected, "no", source=reason, goal=goal)


def _machine(kind: str, folder: Path) -> dict[str, str] | None:
    """Return the machine of the last speed measurement; none for validity."""
    path = folder / MACHINE
    if kind != "speed" or not path.is_file():
        return None
    described: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return described


def _tell(entry: Entry) -> None:
    """Print one entry as it is measured."""
    wanted = entry.goal if entry.goal is not None else entry.expected
    mark = "holds " if entry.ok else "MISSED"
    print(f"   {mark} {entry.case}: {entry.figure} (asked {wanted})", flush=True)
