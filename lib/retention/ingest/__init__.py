"""Ingest: exports in, a reconciled, pseudonymous snapshot out."""

from retention.ingest.pipeline import run_ingest
from retention.ingest.result import IngestResult
from retention.ingest.snapshot import Snapshot

__all__ = ["IngestResult", "Snapshot", "run_ingest"]
