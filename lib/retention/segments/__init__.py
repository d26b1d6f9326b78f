"""Segments: RFM groups, declared rules, how customers move between them, cohorts."""

from __future__ import annotations

from retention.segments.codes import SegmentCode
from retention.segments.cohorts import CohortRetention, cohort_retention
from retention.segments.migration import NEW, Migration, migration
from retention.segments.rfm import RFM, SCORES, UNGROUPED, assign, rfm
from retention.segments.rules import Rule, parse_rule, parse_rules

__all__ = [
    "NEW",
    "RFM",
    "SCORES",
    "UNGROUPED",
    "CohortRetention",
    "Migration",
    "Rule",
    "SegmentCode",
    "assign",
    "cohort_retention",
    "migration",
    "parse_rule",
    "parse_rules",
    "rfm",
]
