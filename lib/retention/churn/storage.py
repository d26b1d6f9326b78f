"""Models that outlive their run: stored as plain numbers, read back without running any code."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.churn.calibration import Recalibration
from retention.churn.candidates import (
    Fitted,
    FittedBoosted,
    FittedLogistic,
    RecencyBands,
    Standardiser,
)
from retention.churn.panel import Array
from retention.churn.survival_candidates import (
    FittedCox,
    FittedHazard,
    FittedSilence,
    FittedWeibull,
)
from retention.churn.trees import Trees
from retention.errors import InputError, ParameterError
from retention.value import PurchaseFit
from retention.value.geometric import GeometricDropout

FORMAT = 1
"""Number of the format; a reader refuses every other one."""

KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        FittedBoosted, FittedCox, FittedHazard, FittedLogistic, FittedSilence, FittedWeibull,
        GeometricDropout, PurchaseFit, RecencyBands, Recalibration, Standardiser,
    )
}  # fmt: skip
"""All that a stored model may be made of: nothing else is ever built from a file."""


@dataclass(frozen=True)
class StoredModel:
    """A fitted model with its correction, ready to score on any later day.

    Parameters
    ----------
    candidate
        Name of the candidate that was fitted.
    as_of
        As-of date of the run that fitted it: it has seen no outcome from then on.
    horizon_days
        Horizon of its probabilities.
    model
        The fitted model.
    recalibration
        Correction of level and slope that belongs to it.
    """

    candidate: str
    as_of: str
    horizon_days: int
    model: Fitted
    recalibration: Recalibration

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the corrected churn probability of each row of a feature table."""
        return self.recalibration.apply(self.model.probability(features))

    def to_frame(self) -> pd.DataFrame:
        """Return the model as a table of two rows: ``part`` and ``content`` (JSON text)."""
        head = {"format": FORMAT, "candidate": self.candidate, "as_of": self.as_of,
                "horizon_days": self.horizon_days}  # fmt: skip
        parts = {"head": head, "model": _encoded(self.model),
                 "recalibration": _encoded(self.recalibration)}  # fmt: skip
        return pd.DataFrame({"part": list(parts), "content": [json.dumps(p) for p in
                                                              parts.values()]})  # fmt: skip

    @classmethod
    def from_frame(cls, table: pd.DataFrame) -> StoredModel:
        """Read a model from the answer of :meth:`to_frame`.

        Raises
        ------
        InputError
            If the table is no stored model, or of another format.
        """
        try:
            pairs = zip(table["part"], table["content"], strict=True)
            parts = {part: json.loads(str(content)) for part, content in pairs}
            head = parts["head"]
            if head["format"] != FORMAT:
                raise _broken(f"its format is {head['format']}, not {FORMAT}")
            return cls(str(head["candidate"]), str(head["as_of"]), int(head["horizon_days"]),
                       _decoded(parts["model"]), _decoded(parts["recalibration"]))  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _broken(f"{type(error).__name__}: {error}") from error

    def summary(self) -> str:
        """Say what model it is and of when."""
        return f"{self.candidate.replace('_', ' ')} of {self.as_of}"


def acting_model(fresh: StoredModel, approved: StoredModel | None, which: str) -> StoredModel:
    """Return the model that scores: today's choice, or the stored one of the last approved run.

    Parameters
    ----------
    fresh
        Model fitted in this run.
    approved
        Model that the last approved run stored; None where there is none.
    which
        ``chosen`` or ``approved`` (to roll back, or to hold still).

    Raises
    ------
    ParameterError
        If the approved one is asked for and there is none, or it answers another horizon.
    """
    if which == "chosen":
        return fresh
    if approved is None:
        raise ParameterError(
            "No approved run has stored a model to go back to.",
            "Approve a run of this profile, or set scoring_model to 'chosen'.",
            column="scoring_model",
        )
    if approved.horizon_days != fresh.horizon_days:
        raise ParameterError(
            f"The approved model looks {approved.horizon_days} days ahead, the run "
            f"{fresh.horizon_days}.",
            "Use the approved run's horizon_days, or set scoring_model to 'chosen'.",
            column="scoring_model",
        )
    return approved


def _encoded(value: Any) -> Any:
    """Return a value as JSON: models by kind and field, arrays with their type."""
    if isinstance(value, Trees):
        return {"kind": "Trees", "baseline": value.baseline, "columns": value.columns()}
    if isinstance(value, np.ndarray):
        return {"kind": "array", "dtype": str(value.dtype), "values": value.tolist()}
    if dataclasses.is_dataclass(value) and type(value).__name__ in KINDS:
        fields = {f.name: _encoded(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": fields}
    if isinstance(value, tuple):
        return {"kind": "tuple", "values": [_encoded(item) for item in value]}
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _decoded(content: Any) -> Any:
    """Build a value from its JSON; only the kinds that are listed."""
    if isinstance(content, list):
        return [_decoded(item) for item in content]
    if not isinstance(content, dict):
        return content
    kind = content["kind"]
    if kind == "Trees":
        return Trees.from_columns(float(content["baseline"]), content["columns"])
    if kind == "array":
        return np.array(content["values"], dtype=_plain_type(content["dtype"]))
    if kind == "tuple":
        return tuple(_decoded(item) for item in content["values"])
    if kind not in KINDS:
        raise _broken(f"it names {kind!r}")
    return KINDS[kind](**{name: _decoded(item) for name, item in content["fields"].items()})


def _plain_type(name: str) -> np.dtype[Any]:
    """Return a numeric array type; objects and texts are no numbers and are refused."""
    dtype = np.dtype(name)
    if dtype.kind not in "biuf":
        raise _broken(f"it holds an array of {name}")
    return dtype


def _broken(why: str) -> InputError:
    """Return the error of a table that is no model."""
    return InputError(f"The stored model cannot be read: {why}.",
                      "Fit and publish the model again with this version.")  # fmt: skip
