"""What each notebook may be told: one model per notebook, checked before a kernel starts.

A test holds every model equal to its notebook's ``parameters`` cell.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _iso_date(text: str) -> str:
    """Accept an ISO date; relative dates are resolved before validation."""
    date.fromisoformat(text)
    return text


def _memory(text: str) -> str:
    """Accept an amount of memory such as 4GB or 900MB."""
    if not re.fullmatch(r"\d+(\.\d+)?(MB|GB)", text):
        raise ValueError("an amount of memory looks like 4GB or 900MB")
    return text


IsoDate = Annotated[str, AfterValidator(_iso_date)]
Memory = Annotated[str, AfterValidator(_memory)]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1)]


class CommonParams(BaseModel):
    """Parameters that every notebook declares; they stand in ``common.yaml``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    notebook: ClassVar[str] = ""

    profile: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] = "demo"
    run: str = "latest"
    output_dir: str = ""
    as_of: IsoDate = "2026-07-01"
    engine: Literal["duckdb"] = "duckdb"
    memory_limit: Memory = "4GB"
    minimum_cell_size: Annotated[int, Field(ge=1, le=1000)] = 10
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20260701


def model_for(notebook: str) -> type[CommonParams]:
    """Return the model of a notebook; raises KeyError where it has none."""
    return {model.notebook: model for model in CommonParams.__subclasses__()}[notebook]
