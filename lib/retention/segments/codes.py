"""Named codes of the trust checks on segments."""

from __future__ import annotations

from enum import StrEnum


class SegmentCode(StrEnum):
    """What is checked about a segmentation."""

    ENOUGH_CUSTOMERS = "enough_customers"
    FEW_DISTINCT_VALUES = "few_distinct_values"
    SEGMENT_TOO_SMALL = "segment_too_small"
    SEGMENT_GUIDES_NOTHING = "segment_guides_nothing"
    SEGMENT_UNDERPOWERED = "segment_underpowered"
    RULE_UNAVAILABLE = "rule_unavailable"
    CLUSTERS_UNSTABLE = "clusters_unstable"
    DEFINITION_DRIFTED = "definition_drifted"
    DEFINITION_OUTDATED = "definition_outdated"
    SEGMENTS_UNSTABLE = "segments_unstable"
    SEGMENTS_STALE = "segments_stale"
    UNEVEN_ON_PROTECTED = "uneven_on_protected"
    PROXY_FOR_PROTECTED = "proxy_for_protected"
