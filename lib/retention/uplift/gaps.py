"""Units and outcomes of which something is missing, left out by a stated rule."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd


def without_gaps(frame: pd.DataFrame, needed: Collection[str]) -> pd.DataFrame:
    """Return an experiment frame in which no outcome is missing.

    Units without an outcome that the analysis rests on are left out; another outcome that is
    missing for some is left out itself, so that it takes no unit with it.

    Parameters
    ----------
    frame
        Experiment frame; ``attrs["outcomes"]`` names the outcomes.
    needed
        Outcomes that the analysis rests on; other names are passed over.

    Returns
    -------
    pandas.DataFrame
        The frame; ``attrs["left_out"]`` says in a sentence what was left out, empty for nothing.

    Examples
    --------
    >>> frame = pd.DataFrame({"arm": ["A", "B"], "spent": [1.0, None], "stars": [None, 5.0]})
    >>> frame.attrs = {"outcomes": ["spent", "stars"]}
    >>> kept = without_gaps(frame, ["spent"])
    >>> kept.attrs["outcomes"], len(kept)
    (['spent'], 1)
    >>> kept.attrs["left_out"]
    'Left out: 1 of 2 units without spent; stars, which 1 of 2 units lack.'
    """
    outcomes = list(frame.attrs.get("outcomes", ()))
    gaps = frame[outcomes].isna().sum()
    rest_on = [name for name in outcomes if name in needed]
    dropped = [name for name in outcomes if gaps[name] and name not in rest_on]
    complete = frame[rest_on].notna().all(axis=1)
    lost = int((~complete).sum())
    told = [f"{lost:,} of {len(frame):,} units without {' or '.join(rest_on)}"] if lost else []
    told += [f"{name}, which {gaps[name]:,} of {len(frame):,} units lack" for name in dropped]
    kept = frame[complete].drop(columns=dropped).reset_index(drop=True)
    kept.attrs = {
        **frame.attrs,
        "outcomes": [name for name in outcomes if name not in dropped],
        "left_out": f"Left out: {'; '.join(told)}." if told else "",
    }
    return kept
