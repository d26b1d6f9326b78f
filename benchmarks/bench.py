"""``python -m benchmarks.bench [--quick]``: speed and memory, side by side with the peers."""

from __future__ import annotations

import os

from benchmarks.collect import main, parser
from benchmarks.machine import describe
from benchmarks.race import QUICK_VARIABLE
from benchmarks.record import HERE

if __name__ == "__main__":
    options = parser(__doc__ or "")
    options.add_argument(
        "--quick", action="store_true", help="smaller sizes, for a first look, into outputs/"
    )
    arguments = options.parse_args()
    os.environ[QUICK_VARIABLE] = "1" if arguments.quick else ""
    described = None if arguments.check else describe()
    folder = HERE.parent / "outputs" if arguments.quick else HERE
    raise SystemExit(main("speed", arguments, described, folder))
