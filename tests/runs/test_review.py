"""What reviewers rely on: change told from noise, signatures bound to bytes, a lasting index."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pandas as pd
import pytest

import retention
from retention.errors import ParameterError, RunError
from retention.runs.catalogue import write_catalogue
from retention.runs.changes import changes
from retention.runs.diff import compare, compare_metric
from retention.runs.files import artifact_hashes
from retention.runs.index import refresh_signoff, write_index
from retention.runs.key_figures import CAMPAIGN_METRICS, CARD_METRICS, key_figures, missing_figures
from retention.runs.moves import segment_moves
from retention.runs.publish import prune_runs
from retention.runs.run import Run, published
from retention.runs.signoff import Role, approve, last_approved, sign_off
from retention.runs.summary import write_summary


def metric(name: str, value, low=None, high=None, unit="share") -> dict:
    return {"name": name, "value": value, "unit": unit, "ci_low": low, "ci_high": high, "n": 100}


def make_run(
    workspace, number: int, metrics=(), segments=None, checks=(), month="07", **facts
) -> Run:
    """Write a published run by hand: what a reader sees of one, without any kernel."""
    name = f"{number:04d}-2026{month}01T0500-0123abcd"
    folder = workspace.profile("toy") / name
    for part in ("results", "tables", "reports", "notebooks"):
        (folder / part).mkdir(parents=True)
    result = {
        "notebook": "segments", "headline": "It <b>is</b> so.", "status": "pass",
        "metrics": list(metrics), "checks": list(checks), "artifacts": [],
    }  # fmt: skip
    (folder / "results" / "segments.json").write_text(json.dumps(result))
    (folder / "reports" / "segments.html").write_text("<p>report</p>")
    if segments is not None:
        frame = pd.DataFrame(list(segments.items()), columns=["customer_key", "segment"])
        frame.to_parquet(folder / "tables" / "segments.parquet")
    (folder / "summary.html").write_text("<p>summary</p>")
    from retention.runs.files import artifact_hashes

    resolved = {"as_of": "2026-07-01", "minimum_cell_size": 10, "seed": 1}
    manifest = {
        "run": name, "profile": "toy", "created_at": f"2026-{month}-01T05:00:00+00:00",
        "params": {"segments": {"given": resolved, "resolved": resolved}},
        "inputs": {"orders.csv": "aa"}, "sources": {"segments": "1"},
        "modules": {"segments/rules.py": "1"}, "library": "1", "lock": "1", "python": "3.11.9",
        "platform": "Linux", "inputs_key": "k" * 64, "notebooks": {"segments": {"seconds": 1}},
        **facts, "artifacts": artifact_hashes(folder),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    link = workspace.profile("toy") / "latest"
    link.unlink(missing_ok=True)
    link.symlink_to(name)
    return Run("toy", folder, workspace.store("toy"))


@pytest.mark.parametrize(
    ("before", "after", "reading"),
    [
        (metric("x", 0.30, 0.28, 0.32), metric("x", 0.30, 0.28, 0.32), "same"),
        (metric("x", 0.30, 0.28, 0.32), metric("x", 0.31, 0.29, 0.33), "within noise"),
        (metric("x", 0.30, 0.28, 0.32), metric("x", 0.36, 0.34, 0.38), "changed"),
        (metric("rows", 100), metric("rows", 101), "changed"),
        (metric("x", None), metric("x", 0.2, 0.1, 0.3), "changed"),
        (None, metric("x", 1.0), "new"),
        (metric("x", 1.0), None, "gone"),
    ],
)
def test_a_change_is_real_only_beyond_both_intervals(before, after, reading):
    assert compare_metric("segments", "x", before, after).reading == reading


def test_the_noise_rule_keeps_its_level_on_independent_samples():
    import numpy as np

    draw = np.random.default_rng(1)
    shares = draw.binomial(2000, 0.3, size=(4000, 2)) / 2000
    errors = 1.959963984540054 * np.sqrt(shares * (1 - shares) / 2000)
    told = [
        compare_metric(
            "n", "x", *(metric("x", v, v - e, v + e) for v, e in zip(pair, error, strict=True))
        ).reading
        for pair, error in zip(shares.tolist(), errors.tolist(), strict=True)
    ]
    assert told.count("changed") / len(told) == pytest.approx(0.05, abs=0.011)


def customers(**sizes: int) -> dict[str, str]:
    """Return so many customers in each segment, numbered through."""
    names = [name for name, size in sizes.items() for _ in range(size)]
    return {f"c{i:05d}": name for i, name in enumerate(names)}


def test_segments_that_swap_as_many_as_they_lose_have_not_changed(workspace):
    before = customers(loyal=500, lost=500)
    after = dict(before)
    for i in range(60):
        after[f"c{i:05d}"], after[f"c{i + 500:05d}"] = "lost", "loyal"
    after["c00400"] = "lost"
    runs = [make_run(workspace, n, segments=s) for n, s in ((1, before), (2, after))]
    moves = segment_moves(*runs, minimum=10)
    sizes = moves.sizes.set_index("segment")
    assert sizes.loc["loyal", ["before", "after", "moved_in", "moved_out"]].tolist() == [
        500, 499, 60, 61,
    ]  # fmt: skip
    assert set(sizes["reading"]) == {"within noise"}
    assert moves.flows.to_dict("records") == [
        {"came_from": "loyal", "went_to": "lost", "customers": 61},
        {"came_from": "lost", "went_to": "loyal", "customers": 60},
    ]


def test_a_segment_that_drains_has_changed_and_small_flows_are_not_shown(workspace):
    before = customers(loyal=500, lost=500)
    after = {**before, **{f"c{i:05d}": "lost" for i in range(100)}, "c00700": "loyal"}
    after |= {f"new{i}": "loyal" for i in range(30)}
    runs = [make_run(workspace, n, segments=s) for n, s in ((1, before), (2, after))]
    moves = segment_moves(*runs, minimum=10)
    assert set(moves.sizes["reading"]) == {"changed"}
    assert ("lost", "loyal") not in set(
        zip(moves.flows["came_from"], moves.flows["went_to"], strict=True)
    )
    assert moves.flows["customers"].min() >= 10
    assert "loyal, lost" in moves.summary() or "lost, loyal" in moves.summary()


def test_a_diff_tells_figures_model_params_inputs_and_code_apart(workspace):
    old = make_run(workspace, 1, [metric("auc", 0.7, 0.69, 0.71), metric("rate", 0.5)])
    resolved = {"as_of": "2026-08-01", "minimum_cell_size": 10, "seed": 1}
    new = make_run(
        workspace, 2, [metric("auc", 0.8, 0.79, 0.81), metric("rate", 0.5)],
        params={"segments": {"given": resolved, "resolved": resolved}},
        inputs={"orders.csv": "bb", "visits.csv": "cc"}, sources={"segments": "2"},
        modules={"segments/rules.py": "2", "segments/new.py": "1"}, library="2",
    )  # fmt: skip
    found = compare(old, new)
    kinds = found.to_frame().set_index("name")[["kind", "reading"]].to_dict("index")
    assert kinds["auc"] == {"kind": "model quality", "reading": "changed"}
    assert kinds["rate"] == {"kind": "figure", "reading": "same"}
    assert found.facts.params == (("segments", "as_of", "2026-07-01", "2026-08-01"),)
    assert found.facts.inputs == ("orders.csv", "visits.csv")
    assert found.facts.code == (
        "notebook segments", "library segments/new.py", "library segments/rules.py",
    )  # fmt: skip
    assert json.loads(json.dumps(found.as_dict()))["after"] == new.name


def test_a_report_tells_what_changed_since_the_run_approved_last(workspace):
    old = make_run(workspace, 1, [metric("auc", 0.7), metric("rate", 0.5, 0.4, 0.6)],
                   customers(loyal=300, lost=300))  # fmt: skip
    moved = {**customers(loyal=300, lost=300), **{f"c{i:05d}": "lost" for i in range(90)}}
    new = make_run(workspace, 2, [metric("auc", 0.8), metric("rate", 0.9, 0.8, 1.0)], moved,
                   modules={"segments/rules.py": "2"}, library="2")  # fmt: skip
    assert "nothing to compare" in changes("segments", None, new, new.manifest).summary
    told = changes("segments", old, new, new.manifest)
    assert old.name in told.summary
    titles = [table.title for table in told.tables]
    assert titles[:3] == ["Figures", "Model quality", "Sizes of segments (customers)"]
    assert titles[-1] == "Code"
    assert told.tables[0].rows[0][0] == "rate"
    assert told.tables[0].rows[0][-1] == "changed"


def test_only_somebody_accountable_approves_and_only_what_was_signed(workspace):
    first = make_run(workspace, 1)
    second = make_run(workspace, 2)
    assert sign_off(first).state == "open"
    approve(first, "Bea", Role.RESPONSIBLE)
    assert sign_off(first).state == "signed"
    assert last_approved("toy", workspace) is None
    approve(first, "Ada", Role.ACCOUNTABLE, note="fine")
    approve(second, "Ada", Role.ACCOUNTABLE, reports=["segments"])
    assert sign_off(first).state == "approved"
    assert sign_off(second).state == "signed"
    assert last_approved("toy", workspace).name == first.name
    assert last_approved("toy", workspace, "segments").name == second.name
    with pytest.raises(ParameterError, match="no report 'churn'"):
        approve(first, "Ada", Role.ACCOUNTABLE, reports=["churn"])


@pytest.mark.parametrize("touched", ["reports/segments.html", "summary.html", "manifest.json"])
def test_a_touched_file_voids_the_signature_and_forbids_another(workspace, touched):
    run = make_run(workspace, 1)
    approve(run, "Ada", Role.ACCOUNTABLE)
    with (run.folder / touched).open("a") as handle:
        handle.write(" ")
    for thorough in (True, False):
        state = sign_off(run, thorough=thorough)
        assert state.state == "void"
        assert touched in state.summary()
    assert last_approved("toy", workspace) is None
    if touched != "manifest.json":
        with pytest.raises(RunError, match="was changed"):
            approve(run, "Bea", Role.CONSULTED)


def test_the_page_of_signatures_is_no_part_of_what_is_signed(workspace):
    run = make_run(workspace, 1)
    approve(run, "<Ada>", Role.ACCOUNTABLE, note="a & b")
    refresh_signoff(run)
    page = (run.folder / "signoff.html").read_text()
    assert "&lt;Ada&gt;" in page
    assert "approves it" in page
    assert sign_off(run).state == "approved"


def test_the_index_stays_useful_with_500_runs(workspace):
    first = make_run(workspace, 1, [metric("retention_rate", 0.3, 0.28, 0.32)], month="01")
    for number in range(2, 501):
        month = f"{1 + (number - 1) * 12 // 500:02d}"
        name = f"{number:04d}-2026{month}01T0500-0123abcd"
        folder = workspace.profile("toy") / name
        shutil.copytree(first.folder, folder)
        manifest = {**first.manifest, "run": name, "created_at": f"2026-{month}-01T05:00:00+00:00"}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    runs = published("toy", workspace)
    approve(runs[100], "Ada", Role.ACCOUNTABLE)
    page = write_index(workspace).read_text()
    assert len(page) < 250_000
    assert page.count('<details class="month"') == 12
    assert page.count('<details class="month" open') == 1
    assert page.count("/summary.html") == 500
    assert page.count("Approved by Ada") == 1
    assert page.count("<polyline") == 1
    points = page.split('points="')[1].split('"')[0].split()
    assert len(points) == 30


def test_the_index_names_every_key_figure_that_is_asked_for():
    names = [name for names in CARD_METRICS.values() for name in names[:1]]
    arms = [f"{start}email" for start in CAMPAIGN_METRICS.values()]
    run = {name: metric(name, 0.5, 0.4, 0.6) for name in (*names, *arms)}
    cards = key_figures([{**run, "churn_rate": metric("churn_rate", 0.9, 0.8, 1.0)}, run])
    assert len(cards) == len(CARD_METRICS) + len(CAMPAIGN_METRICS)
    by_label = {card["label"]: card for card in cards}
    assert by_label["churn rate"]["change"] == "was 90.0 %: changed"
    assert by_label["retention rate"]["change"] == "unchanged"
    assert by_label["churn rate"]["interval"] == "40.0 % to 60.0 %"
    assert "campaign ROI, email" in by_label
    assert all("<polyline" in card["sparkline"] for card in cards)
    assert missing_figures(run) == []
    assert "net promoter score" in missing_figures({})


def test_the_summary_shows_how_the_return_was_calculated_and_what_to_do(workspace):
    ahead = metric("lifetime_value_total", 1000.0, 900.0, 1100.0, "USD")
    check = {"code": "x", "status": "fail", "detail": "Too few.", "action": "Wait for more."}
    run = make_run(workspace, 1, [ahead, metric("retention_rate", 0.3, 0.2, 0.4)], checks=[check])
    account = {
        "arm": "email_gift", "currency": "USD", "incremental_revenue": 1000.0,
        "revenue_low": 500.0, "revenue_high": 1500.0, "margin_share": 0.5, "gain": 500.0,
        "cost": 200.0, "profit": 300.0, "profit_low": 50.0, "profit_high": 550.0,
        "return_on_investment": 1.5, "return_low": 0.25, "return_high": 2.75,
    }  # fmt: skip
    pd.DataFrame([account]).to_parquet(run.folder / "tables" / "campaign_accounts.parquet")
    write_summary(workspace, run.folder, "toy", ["segments"], run.manifest)
    page = (run.folder / "summary.html").read_text()
    for text in (
        "It &lt;b&gt;is&lt;/b&gt; so.", "(USD 500.00 − USD 200.00) / USD 200.00 = 150 %",
        "25 % to 275 %", "USD 1,000.00", "USD 900.00 to USD 1,100.00", "Wait for more.",
        "Too few.", "30.0 %",
    ):  # fmt: skip
        assert text in page, text


CATALOGUE = [
    {"experiment": "spring", "state": "decided", "owner": "marketing", "starts": "2026-03-02",
     "ends": "2026-03-30", "primary_metric": "revenue", "hypothesis": "It <b>works</b>.",
     "plan": "As registered.", "outcome": "Ship email: =1+1", "sha256": "0123456789ab"},
    {"experiment": "autumn", "state": "planned", "owner": "marketing", "starts": "2026-09-07",
     "ends": "2026-11-02", "primary_metric": "revenue", "hypothesis": "A card.",
     "plan": "As registered.", "outcome": "", "sha256": "ba9876543210"},
]  # fmt: skip
FACTS = {"inputs_key": "k" * 64, "params": {"ab_test": {"resolved": {"as_of": "2026-07-01"}}}}


def with_catalogue(workspace, number=1):
    run = make_run(workspace, number, [metric("retention_rate", 0.3)])
    pd.DataFrame(CATALOGUE).to_parquet(run.folder / "tables" / "experiments.parquet")
    results = [
        {"result": "spring, email", "decision": "ship", "relative_effect": 0.1,
         "standard_error": 0.04, "expected_effect": float("nan")},
    ]  # fmt: skip
    pd.DataFrame(results).to_parquet(run.folder / "tables" / "experiment_results.parquet")
    write_catalogue(workspace, run.folder, "toy", FACTS)
    return run


def test_the_catalogue_shows_every_experiment_with_state_and_outcome(workspace):
    run = with_catalogue(workspace)
    page = (run.folder / "experiments.html").read_text()
    for text in (
        "2 experiments: 1 decided, 1 planned. 1 of 1 results", "It &lt;b&gt;works&lt;/b&gt;.",
        "Ship email: =1+1", "2026-09-07<br>to 2026-11-02", "decided by revenue", "+10.0 %",
        "+2.2 % to +17.8 %",
    ):  # fmt: skip
        assert text in page, text
    assert "<b>works" not in page
    assert page.index("A card.") < page.index("works"), "the latest comes first"
    assert "experiments.html" in artifact_hashes(run.folder)


def test_the_catalogue_is_the_same_for_the_same_tables_and_led_to(workspace):
    runs = [with_catalogue(workspace, number) for number in (1, 2)]
    assert len({(run.folder / "experiments.html").read_text() for run in runs}) == 1
    write_summary(workspace, runs[1].folder, "toy", ["segments"], runs[1].manifest)
    assert 'href="experiments.html"' in (runs[1].folder / "summary.html").read_text()
    index = write_index(workspace).read_text()
    assert f'href="toy/{runs[1].name}/experiments.html"' in index


def test_without_experiments_there_is_no_catalogue_and_no_link_to_one(workspace):
    run = make_run(workspace, 1, [metric("retention_rate", 0.3)])
    write_catalogue(workspace, run.folder, "toy", FACTS)
    write_summary(workspace, run.folder, "toy", ["segments"], run.manifest)
    assert not (run.folder / "experiments.html").exists()
    assert "experiments.html" not in (run.folder / "summary.html").read_text()
    assert "experiments.html" not in write_index(workspace).read_text()


def test_pruning_keeps_the_newest_the_signed_and_the_latest(workspace):
    runs = [make_run(workspace, number) for number in range(1, 7)]
    approve(runs[1], "Ada", Role.ACCOUNTABLE)
    would = prune_runs(workspace, "toy", 2, dry_run=True)
    assert would == [runs[i].name for i in (0, 2, 3)]
    assert len(published("toy", workspace)) == 6
    assert prune_runs(workspace, "toy", 2) == would
    assert [r.name for r in published("toy", workspace)] == [runs[i].name for i in (1, 4, 5)]
    assert retention.load("toy").name == runs[5].name
    assert not [p for p in workspace.profile("toy").iterdir() if p.name.endswith(".gone")]


def test_reports_of_equal_inputs_do_not_depend_on_the_runs_name(workspace):
    one = make_run(workspace, 1, [metric("retention_rate", 0.3)])
    other = dataclasses.replace(
        one, folder=make_run(workspace, 2, [metric("retention_rate", 0.3)]).folder
    )
    for run in (one, other):
        write_summary(workspace, run.folder, "toy", ["segments"], run.manifest)
    pages = {(run.folder / "summary.html").read_text() for run in (one, other)}
    assert len(pages) == 1
