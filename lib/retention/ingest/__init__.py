"""Ingest: exports in, a reconciled, pseudonymous snapshot out."""

from retention.ingest.access import AccessResult, access
from retention.ingest.erase import ErasureResult, erase
from retention.ingest.migration import Exports, check_migration
from retention.ingest.pipeline import run_ingest
from retention.ingest.quality_limits import QualityLimits
from retention.ingest.result import IngestResult
from retention.ingest.snapshot import Snapshot

__all__ = [
    "AccessResult",
    "ErasureResult",
    "Exports",
    "IngestResult",
    "QualityLimits",
    "Snapshot",
    "access",
    "check_migration",
    "erase",
    "run_ingest",
]
