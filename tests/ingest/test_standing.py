"""Scores and contracts of other systems come in under the person's pseudonym."""

from retention.churn import contract_ends, legacy_scores
from retention.engine import Engine
from retention.ingest import Snapshot, run_ingest

CONTRACTS = """Contract ID,Email,Kind,Started At,Ended At
k1,Ann@Example.org,Subscription,2026-01-05,2026-03-01
k2,bob@example.org,loyalty_tier,2026-01-05,
k3,cid@example.org,rent,2026-01-05,
"""
SCORES = """Score ID,Email,Score,Scored At
s1,ann@example.org,81.5,2026-02-01T00:00:00Z
s2,ann@example.org,12,2026-05-01T00:00:00Z
s3,bob@example.org,high,2026-02-01T00:00:00Z
"""


def test_scores_and_contracts_are_read_checked_and_keyed(tmp_path):
    (tmp_path / "contracts.csv").write_text(CONTRACTS)
    (tmp_path / "scores.csv").write_text(SCORES)
    made = run_ingest(
        ["contracts: contracts.csv", "model_scores: scores.csv"], tmp_path / "store",
        tmp_path / "private", root=tmp_path, as_of="2026-06-01", currency="USD", time_zone="UTC",
    )  # fmt: skip
    engine = Engine(threads=1)
    Snapshot.load(tmp_path / "store").register(engine)
    kept = engine.sql("SELECT customer_key, kind FROM contracts ORDER BY kind DESC").frame()
    assert kept["kind"].tolist() == ["subscription", "loyalty_tier"]
    assert made.reasons["rows"].sum() >= 2, "the rent and the score that is a word are refused"
    ended = contract_ends(engine, kept["customer_key"].to_numpy(), "2026-06-01")
    assert ended.tolist() == [True, False]
    early = legacy_scores(engine, "2026-03-01", "legacy_crm")
    late = legacy_scores(engine, "2026-06-01", "legacy_crm")
    assert early["score"].tolist() == [81.5]
    assert late["score"].tolist() == [12.0]
    assert late["customer_key"].tolist() == kept["customer_key"].tolist()[:1]
