"""Export formats in, canonical rows out: recognise, land, open, then run a format's mappings.

Examples
--------
>>> from retention.sources import FORMATS
>>> FORMATS["shopify_orders"].recognise(["Name", "Email"])
0.0
"""

from retention.sources.attaching import open_landed
from retention.sources.base import (
    IDENTITY_COLUMNS,
    RESERVED_COLUMNS,
    ReadOptions,
    SourceFormat,
    TableMapping,
)
from retention.sources.codes import MENDS, BrokenCode, ExclusionCode, ReasonCode
from retention.sources.landed import Landed
from retention.sources.landing import land
from retention.sources.registry import FORMATS, format_named, recognise_file, use_formats

__all__ = [
    "FORMATS",
    "IDENTITY_COLUMNS",
    "MENDS",
    "RESERVED_COLUMNS",
    "BrokenCode",
    "ExclusionCode",
    "Landed",
    "ReadOptions",
    "ReasonCode",
    "SourceFormat",
    "TableMapping",
    "format_named",
    "land",
    "open_landed",
    "recognise_file",
    "use_formats",
]
