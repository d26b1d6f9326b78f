"""The machine, the versions and the commit that a measurement speaks of."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from benchmarks.peers import ENVIRONMENTS, interpreter
from benchmarks.record import current_commit

OWN = (
    "duckdb", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "lifelines", "statsmodels",
    "causalml",
)  # fmt: skip
_LIST = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
)


def describe() -> dict[str, str]:
    """Return machine, versions (ours and the peers') and commit in words."""
    described = {
        "processor": _processor(), "cores": str(os.cpu_count()), "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}", "Python": platform.python_version(),
        "ours": ", ".join(f"{name} {metadata.version(name)}" for name in OWN),
        "commit": current_commit(),
    }  # fmt: skip
    for name, peers in ENVIRONMENTS.items():
        python = interpreter(name)
        described[f"peers ({name})"] = (
            _versions(python, peers.packages) if python else "not installed"
        )
    return described


def _versions(python: Path, packages: tuple[str, ...]) -> str:
    """Return the versions of some packages in another environment."""
    done = subprocess.run([str(python), "-c", _LIST], capture_output=True, text=True, check=True)
    installed: dict[str, str] = json.loads(done.stdout)
    return ", ".join(f"{name} {installed.get(name, 'missing')}" for name in packages)


def _processor() -> str:
    """Return the processor's name as the system knows it."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _memory() -> str:
    """Return the machine's memory in whole gigabytes."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 2**30:.0f} GB"
