"""``python -m benchmarks.validate``: figures against published ones and known truth."""

from __future__ import annotations

from benchmarks.collect import main, parser

if __name__ == "__main__":
    raise SystemExit(main("validity", parser(__doc__ or "").parse_args()))
