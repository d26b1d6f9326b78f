"""Retention research for shops that sell handmade goods: one small library under the notebooks.

>>> import retention                            # doctest: +SKIP
>>> run = retention.load("demo")                # the run published last
>>> run.table("segments").head()                # any of its tables
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention.runs.run import load
    from retention.runs.stage import open_stage

__version__ = "0.1.0"
__all__ = ["load", "open_stage"]


def __getattr__(name: str) -> Any:
    """Import the run layer only when it is asked for: an analysis package alone stays light."""
    if name == "load":
        from retention.runs.run import load

        return load
    if name == "open_stage":
        from retention.runs.stage import open_stage

        return open_stage
    raise AttributeError(f"module 'retention' has no attribute {name!r}")
