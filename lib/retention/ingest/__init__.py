"""Ingest: exports in, a reconciled, pseudonymous snapshot out."""

from retention.ingest.access import AccessResult, access
from retention.ingest.erase import ErasureResult, erase
from retention.ingest.pipeline import run_ingest
from retention.ingest.result import IngestResult
from retention.ingest.snapshot import Snapshot

__all__ = [
    "AccessResult",
    "ErasureResult",
    "IngestResult",
    "Snapshot",
    "access",
    "erase",
    "run_ingest",
]
