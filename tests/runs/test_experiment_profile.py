"""An experiment's own file goes straight in: what is guessed, what is said, what is published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.abtest import read_experiment
from retention.errors import InputError, ParameterError
from retention.runs.experiment_facts import ColumnFacts
from retention.runs.experiment_guesses import guess_arms, guess_metric
from retention.runs.experiment_profile import ExperimentFiles, write_experiment
from retention.runs.profile_lines import add_to_list
from retention.runs.run import Run
from retention.runs.runner import run_profile
from retention.runs.settings import load_settings
from retention.runs.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
UNITS = 2_000


def arms_of(labels: dict[str, int], control: str = "", planned: str = ""):
    """Return what labels with so many rows suggest."""
    facts = ColumnFacts("version", labels=tuple(sorted(labels.items(), key=lambda p: -p[1])))
    return guess_arms(facts, control, planned)


def numbers(name: str, values, rows: int | None = None) -> ColumnFacts:
    """Return the facts of a column of numbers."""
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    skewness = float(pd.Series(array).skew())
    return ColumnFacts(
        name, len(array), len(array), len(array), (), array.min(), array.max(), skewness,
        int((array == 0).sum()), bool((array == np.floor(array)).all()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "control"),
    [
        ({"A": 500, "B": 500}, "A"),
        ({"email": 700, "control": 300}, "control"),
        ({"No E-Mail": 300, "Mens": 350, "Womens": 350}, "No E-Mail"),
        ({"group_control": 300, "new": 300}, "group_control"),
        ({"blue": 400, "red": 600}, "red"),
    ],
)
def test_the_control_is_known_by_its_name_or_else_is_the_largest_arm(labels, control):
    assert arms_of(labels).control == control


def test_spellings_of_one_arm_are_one_and_a_label_of_few_rows_is_none():
    found = arms_of({"A": 900, "a": 80, "B": 1000, "tst": 4})
    assert found.labels == {"A": ["A", "a"], "B": ["B"]}
    assert any("4 row(s) labelled tst" in note for note in found.notes)


def test_planned_shares_are_equal_unless_the_file_is_far_from_it_or_somebody_says():
    assert arms_of({"A": 5_200, "B": 4_800}).planned == {"A": 1.0, "B": 1.0}
    assert arms_of({"A": 1_010, "B": 8_990}).planned == {"A": 0.1, "B": 0.9}
    assert arms_of({"A": 60, "B": 50}, planned="60:40").planned == {"A": 60, "B": 40}
    assert arms_of({"B": 60, "C": 50}, "c", "C=1,B=3").planned == {"C": 1, "B": 3}
    with pytest.raises(ParameterError, match="gives no share to each"):
        arms_of({"A": 60, "B": 50}, planned="1:1:1")


def test_one_arm_or_a_column_of_ids_is_refused_by_name():
    with pytest.raises(ParameterError, match="'version' names 1 arms"):
        arms_of({"A": 60})
    with pytest.raises(ParameterError, match="has no arm 'Z'"):
        arms_of({"A": 60, "B": 60}, "Z")


def test_the_kind_of_a_metric_is_told_by_its_values():
    flag = guess_metric(numbers("bought", [0, 1, 1]), 3, "EUR")
    money = guess_metric(numbers("revenue", [0.0] * 95 + [5.5, 80.25] * 2 + [900.0]), 100, "EUR")
    blank = guess_metric(numbers("spend", [5.5, 80.25]), 10, "EUR")
    count = guess_metric(numbers("visits", [0, 1, 2, 3]), 4, "EUR")
    assert (flag.kind, flag.unit) == ("proportion", "share")
    assert (money.kind, money.unit, money.is_skewed) == ("mean", "EUR", True)
    assert (blank.blank_is_zero, blank.missing) == (True, 8)
    assert (count.kind, count.unit, count.is_skewed) == ("mean", "visits", False)
    with pytest.raises(ParameterError, match="holds no numbers"):
        guess_metric(ColumnFacts("notes", 3, 3, 0), 3, "EUR")


TEXT = st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1, max_size=20)


@given(before=st.lists(TEXT, unique=True), added=st.lists(TEXT, min_size=1), flow=st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_list_gets_its_items_and_nothing_else_changes(before, added, flow):
    items = yaml.safe_dump(before, default_flow_style=flow, default_style='"', width=10**6)
    head = f"a: {items}" if flow or not before else f"a:\n{items}"
    text = f"# first\n{head}other: 1  # kept\n"
    result = add_to_list(text, "a", added)
    told = yaml.safe_load(result)
    assert told["other"] == 1
    assert told["a"][: len(before)] == before
    assert set(told["a"]) == {*before, *added}
    assert "# first\n" in result
    assert "other: 1  # kept" in result


@pytest.fixture
def place(tmp_path, monkeypatch) -> Workspace:
    """Return the project with params of its own, and an empty root."""
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    project = tmp_path / "project"
    (project / "params").mkdir(parents=True)
    for name in ("notebooks", "pyproject.toml", "requirements.lock"):
        (project / name).symlink_to(PROJECT / name)
    return Workspace(project, tmp_path)


def write_units(path: Path, **changes) -> pd.DataFrame:
    """Write an invented test: B brings older customers a third more orders; return it."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({
        "id": np.arange(UNITS) + 10_000, "version": rng.choice(["A", "B"], UNITS),
        "age": rng.integers(18, 80, UNITS), "city": rng.choice(["Oslo", "New York"], UNITS),
        "customer_email": [f"ada{n}@shop.example" for n in range(UNITS)],
        "shop": rng.integers(0, 50, UNITS),
    })  # fmt: skip
    chance = 0.2 + 0.1 * ((frame["version"] == "B") & (frame["age"] > 50))
    frame["bought"] = (rng.random(UNITS) < chance).astype(int)
    frame["revenue"] = (frame["bought"] * rng.lognormal(3, 0.8, UNITS)).round(9)
    frame = frame.assign(**changes)
    frame.to_csv(path, index=False)
    return frame


def test_a_file_becomes_a_profile_with_every_guess_said(place, tmp_path):
    write_units(tmp_path / "test.csv")
    said = write_experiment(place, "mine", ExperimentFiles(
        (tmp_path / "test.csv",), "version", ("revenue", "bought"),
        ("age", "city", "customer_email"), cluster="shop", unit="id", currency="EUR",
    ))  # fmt: skip
    assert "control is A: by its name" in said
    assert "column customer_email is left out: its header names a person" in said
    plan = read_experiment(place.params / "mine" / "experiments", "test")
    assert [(m.name, str(m.kind), str(m.role)) for m in plan.metrics] == [
        ("revenue", "mean", "primary"), ("revenue, capped", "winsorised", "secondary"),
        ("bought", "proportion", "secondary"),
    ]  # fmt: skip
    assert plan.cluster == "cluster_key"
    names = [settings.notebook.name for settings in load_settings(place, "mine")]
    assert names == ["ingest", "ab_test", "campaign_lift"]


def test_a_second_experiment_is_added_and_nothing_else_is_touched(place, tmp_path):
    write_units(tmp_path / "one.csv")
    write_units(tmp_path / "two.csv")
    write_experiment(
        place, "mine", ExperimentFiles((tmp_path / "one.csv",), "version", ("bought",))
    )
    folder = place.params / "mine"
    marked = (folder / "ingest.yaml").read_text() + "free_text: false  # mine\n"
    (folder / "ingest.yaml").write_text(marked)
    kept = {p.name: p.read_text() for p in folder.glob("*.yaml") if p.name != "ingest.yaml"}
    two = ExperimentFiles((tmp_path / "two.csv",), "version", ("revenue",))
    assert "`experiment: two`" in write_experiment(place, "mine", two)
    assert {name: (folder / name).read_text() for name in kept} == kept
    ingest = yaml.safe_load((folder / "ingest.yaml").read_text())
    assert ingest["sources"] == ["experiment_units: one.csv", "experiment_units: two.csv"]
    assert [text.split(":")[0] for text in ingest["read_options"]] == ["one.csv", "two.csv"]
    assert "free_text: false  # mine" in (folder / "ingest.yaml").read_text()
    with pytest.raises(ParameterError, match="has an experiment 'two'"):
        write_experiment(place, "mine", two)


def test_a_column_that_no_file_has_is_named_and_nothing_is_written(place, tmp_path):
    write_units(tmp_path / "test.csv")
    files = ExperimentFiles((tmp_path / "test.csv",), "version", ("profit",))
    with pytest.raises(InputError, match="No column 'profit'"):
        write_experiment(place, "mine", files)
    assert not (place.params / "mine").exists()


def figures(run: Run, notebook: str) -> dict[str, dict]:
    """Return a notebook's metrics by name."""
    return {m["name"]: m for m in run.result(notebook)["metrics"]}


def test_a_row_per_unit_ends_in_both_reports_with_the_differences_of_the_file(place, tmp_path):
    gaps = {"stars": np.where(np.arange(UNITS) % 9 == 0, np.nan, 4.0 + np.arange(UNITS) % 2)}
    frame = write_units(tmp_path / "test.csv", **gaps)
    write_experiment(place, "mine", ExperimentFiles(
        (tmp_path / "test.csv",), "version", ("bought", "revenue", "stars"), unit="id",
    ))  # fmt: skip
    run = run_profile(place, "mine")
    means = frame.groupby("version")[["bought", "revenue", "stars"]].mean()
    told, lift = figures(run, "ab_test"), figures(run, "campaign_lift")
    for outcome in means:
        expected = means.loc["B", outcome] - means.loc["A", outcome]
        assert told[f"{outcome}, B - A"]["value"] == pytest.approx(expected, abs=1e-9)
    assert lift["lift.bought.B"]["value"] == pytest.approx(told["bought, B - A"]["value"])
    assert "lift.stars.B" not in lift  # it is missing for some, and nothing rests on it
    pages = "".join(page.read_text() for page in (run.folder / "reports").glob("*.html"))
    assert "shop.example" not in pages
