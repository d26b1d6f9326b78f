"""Segments: RFM groups, declared rules, personas, movement, guards, affinities, fairness."""

from __future__ import annotations

from retention.segments.affinities import Affinities, next_items
from retention.segments.codes import SegmentCode
from retention.segments.cohorts import CohortRetention, cohort_retention, newest_cohorts
from retention.segments.compared import compared_features
from retention.segments.declared import Declared, declare
from retention.segments.decline import Decline, early_decline
from retention.segments.drift import Drift, drift, drift_within, stability_index
from retention.segments.fairness import Fairness, audit, protected_attributes
from retention.segments.guards import Guards, guard
from retention.segments.migration import CAUSES, NEW, Migration, migration
from retention.segments.personas import (
    UNPLACED,
    Personas,
    TemplateMatch,
    Terms,
    compare_with_template,
    discover,
)
from retention.segments.rfm import (
    RFM,
    SCORES,
    UNGROUPED,
    assign,
    columns_read,
    features_read,
    redrawing,
    rfm,
)
from retention.segments.rules import Rule, parse_rule, parse_rules
from retention.segments.stability import Stability, Staleness, resampled_agreement, staleness

__all__ = [
    "CAUSES",
    "NEW",
    "RFM",
    "SCORES",
    "UNGROUPED",
    "UNPLACED",
    "Affinities",
    "CohortRetention",
    "Declared",
    "Decline",
    "Drift",
    "Fairness",
    "Guards",
    "Migration",
    "Personas",
    "Rule",
    "SegmentCode",
    "Stability",
    "Staleness",
    "TemplateMatch",
    "Terms",
    "assign",
    "audit",
    "cohort_retention",
    "columns_read",
    "compare_with_template",
    "compared_features",
    "declare",
    "discover",
    "drift",
    "drift_within",
    "early_decline",
    "features_read",
    "guard",
    "migration",
    "newest_cohorts",
    "next_items",
    "parse_rule",
    "parse_rules",
    "protected_attributes",
    "redrawing",
    "resampled_agreement",
    "rfm",
    "stability_index",
    "staleness",
]
