"""The peers' own environments, apart from ours: pinned with hashes, built on demand.

``python -m benchmarks.peers`` builds them in ``.venv-peers/<name>``;
``python -m benchmarks.peers --lock`` compiles the locks anew (needs uv).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import HERE

ROOT = HERE.parent / ".venv-peers"


@dataclass(frozen=True)
class Peers:
    """Packages that go together in one environment, and the Python they need."""

    python: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]


ENVIRONMENTS: dict[str, Peers] = {
    "main": Peers(
        "3.12",
        ("lifetimes", "tea-tasting", "scikit-uplift", "econml", "lifelines", "scikit-learn",
         "statsmodels", "pandas", "numpy", "duckdb"),
        ("lifetimes==0.11.3", "tea-tasting", "scikit-uplift", "econml", "lifelines>=0.30",
         "statsmodels", "pandas<3", "duckdb", "pyarrow"),
    ),
    "bayes": Peers("3.12", ("pymc-marketing", "pymc", "pandas"), ("pymc-marketing", "pyarrow")),
    "gbstats": Peers("3.11", ("gbstats", "pandas", "numpy"), ("gbstats", "pyarrow")),
}  # fmt: skip


def lock_of(name: str) -> Path:
    """Return the lock file of an environment."""
    return HERE / ("peers.lock" if name == "main" else f"peers-{name}.lock")


def interpreter(name: str) -> Path | None:
    """Return the Python of an environment that has been built, None where it has not."""
    python = ROOT / name / "bin" / "python"
    return python if (ROOT / name / ".complete").is_file() else None


def build(name: str) -> Path:
    """Build an environment from its lock, where that has not been done yet.

    Raises
    ------
    SystemExit
        If the Python it needs is not on this machine, or the installation fails.
    """
    ready = interpreter(name)
    if ready:
        return ready
    folder, wanted = ROOT / name, ENVIRONMENTS[name].python
    shutil.rmtree(folder, ignore_errors=True)
    ROOT.mkdir(exist_ok=True)
    (ROOT / ".gitignore").write_text("*\n", encoding="utf-8")
    subprocess.run([find_python(wanted), "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "-q",
        "--require-hashes",
        "-r",
        str(lock_of(name)),
    ]
    if subprocess.run(install, check=False).returncode:
        raise SystemExit(f"the peers' environment {name!r} could not be installed")
    (folder / ".complete").touch()
    return python


def find_python(version: str) -> str:
    """Return an interpreter of that version: on the path, or among pyenv's."""
    on_path = shutil.which(f"python{version}")
    managed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python{version}"))
    for candidate in [*(str(path) for path in reversed(managed)), on_path, sys.executable]:
        if candidate and _version(candidate) == version:
            return candidate
    raise SystemExit(f"the peers need Python {version}, which is not on this machine")


def lock(name: str) -> None:
    """Compile the lock of an environment with hashes."""
    peers = ENVIRONMENTS[name]
    command = [
        "uv", "pip", "compile", "-q", "--generate-hashes", "--no-header", "--no-emit-index-url",
        "--no-annotate", "--python-version", peers.python, "--universal",
        "-", "-o", str(lock_of(name)),
    ]  # fmt: skip
    subprocess.run(command, input="\n".join(peers.requirements), text=True, check=True)


def _version(python: str) -> str:
    """Return major and minor version of an interpreter, empty where it does not start."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lock", action="store_true", help="compile the locks anew")
    options.add_argument("--only", action="append", choices=list(ENVIRONMENTS))
    asked = options.parse_args()
    for environment in asked.only or ENVIRONMENTS:
        if asked.lock:
            lock(environment)
        print(build(environment), flush=True)
