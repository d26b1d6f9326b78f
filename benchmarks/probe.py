"""The process a contestant runs in; started as a file, so that any environment's Python can.

Prints one line of JSON: wall-clock and processor seconds of the timed part, peak resident memory
of the whole process in megabytes, and the answer.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path


def main(target: str, arguments: str) -> None:
    """Prepare, time and report one contestant."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    module, function = target.split(":")
    work = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    processor, started = time.process_time(), time.perf_counter()
    answer = work()
    seconds, spent = time.perf_counter() - started, time.process_time() - processor
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    numbers = {key: float(value) for key, value in answer.items()}
    print(json.dumps({"seconds": seconds, "processor": spent, "peak_mb": peak, "answer": numbers}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
