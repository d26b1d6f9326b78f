"""Plans as files, a register that cannot be rewritten, and what past results teach."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from retention.abtest import Decision, Experiment
from retention.abtest.experiment import EXAMPLE
from retention.abtest.programme import PastResult, catalogue, programme_lessons, read_programme
from retention.abtest.register import (
    REGISTER,
    Registration,
    changes_table,
    plan_changed,
    read_register,
    register,
    register_of,
)
from retention.errors import EvidenceError, InputError, ParameterError
from retention.results import Status

PLAN = Experiment.from_text(EXAMPLE)


def changed(before, after):
    return Experiment.from_text(EXAMPLE.replace(before, after))


def test_comments_and_layout_do_not_change_the_hash():
    assert Experiment.from_text("# note\n" + EXAMPLE + "\n\n").digest() == PLAN.digest()


def test_a_field_left_at_its_default_does_not_change_the_hash():
    assert Experiment.from_text(EXAMPLE + "alpha: 0.05\n").digest() == PLAN.digest()
    assert Experiment.from_text(EXAMPLE + "alpha: 0.1\n").digest() != PLAN.digest()


def test_a_registered_plan_passes():
    entry = Registration.of(PLAN, "2026-02-20")
    found = read_register([entry.as_line(), ""])
    assert plan_changed(PLAN, found["reminder"]).status is Status.PASS


def test_the_report_names_what_was_changed_after_the_start():
    entry = Registration.of(PLAN, "2026-02-20")
    check = plan_changed(changed("ends: 2026-03-30", "ends: 2026-04-30"), entry)
    assert check.status is Status.FAIL
    assert "ends (2026-03-30 to 2026-04-30)" in check.detail


def test_a_changed_metric_is_named_by_its_path():
    entry = Registration.of(PLAN, "2026-02-20")
    check = plan_changed(changed("unit: USD, role", "unit: USD, winsorise_at: 0.99, role"), entry)
    assert "metrics.revenue per customer.winsorise_at" in check.detail


def test_changed_words_do_not_invalidate():
    entry = Registration.of(PLAN, "2026-02-20")
    assert plan_changed(changed("marketing", "sales"), entry).status is Status.WARN


def test_an_unregistered_plan_is_exploratory():
    check = plan_changed(PLAN, None)
    assert check.status is Status.WARN
    assert "exploratory" in check.action


def test_a_plan_cannot_be_registered_after_its_start():
    with pytest.raises(ParameterError, match="before it was registered"):
        Registration.of(PLAN, "2026-03-10")


@pytest.fixture
def folder(tmp_path):
    """A folder with two registered experiments."""
    for name in ("reminder", "thanks"):
        (tmp_path / f"{name}.yaml").write_text(EXAMPLE.replace("name: reminder", f"name: {name}"))
        register(tmp_path, name, "2026-02-20")
    return tmp_path


def test_registering_appends_to_a_register_that_holds_together(folder):
    assert list(register_of(folder)) == ["reminder", "thanks"]
    assert register_of(folder)["reminder"].digest == PLAN.digest()


def test_a_plan_is_registered_once(folder):
    with pytest.raises(ParameterError, match="registered already"):
        register(folder, "reminder", "2026-02-25")


@pytest.mark.parametrize("forge", [
    lambda lines: [lines[0].replace("marketing", "sales"), lines[1]],
    lambda lines: lines[1:],
    lambda lines: [lines[1], lines[0]],
], ids=["changed", "taken out", "swapped"])  # fmt: skip
def test_a_register_that_was_tampered_with_is_refused(folder, forge):
    path = folder / REGISTER
    path.write_text("\n".join(forge(path.read_text().splitlines())) + "\n")
    with pytest.raises(InputError, match="does not hold together"):
        register_of(folder)


def test_changes_are_listed_with_what_they_bear_on(folder):
    plan = changed("marketing", "sales")
    assert changes_table(folder, plan)["bears_on"].tolist() == ["words only"]
    table = changes_table(folder, changed("horizon_days: 28", "horizon_days: 14"))
    assert table.iloc[0].tolist() == ["horizon_days", "28", "14", "the decision"]


def test_the_demo_register_is_what_registering_its_plans_gives(tmp_path):
    source = Path(__file__).parents[2] / "params" / "demo" / "experiments"
    lines = (source / REGISTER).read_text(encoding="utf-8").splitlines()
    for line in lines:
        entry = Registration.from_line(line)
        shutil.copy(source / f"{entry.name}.yaml", tmp_path)
        register(tmp_path, entry.name, entry.registered_on)
    assert (tmp_path / REGISTER).read_text(encoding="utf-8").splitlines() == lines


def test_a_broken_register_is_an_error():
    with pytest.raises(InputError, match="cannot be read"):
        read_register(["{not json"])


def test_the_catalogue_tells_state_and_outcome(tmp_path):
    (tmp_path / "reminder.yaml").write_text(EXAMPLE)
    plans = read_programme(tmp_path)
    assert catalogue(plans, "2026-03-01")["state"].tolist() == ["planned"]
    assert catalogue(plans, "2026-03-10")["state"].tolist() == ["running"]
    assert catalogue(plans, "2026-05-01")["state"].tolist() == ["ended"]
    decided = catalogue(plans, "2026-05-01", decisions={"reminder": "ship"})
    assert decided[["state", "outcome"]].iloc[0].tolist() == ["decided", "ship"]


def test_a_file_must_be_named_as_its_experiment(tmp_path):
    (tmp_path / "other.yaml").write_text(EXAMPLE)
    with pytest.raises(ParameterError, match=r"reminder\.yaml"):
        read_programme(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("horizon_days: 28", "horizon: 28", "no field horizon"),
        ("role: primary", "role: main", "Choose one of primary"),
        ("role: primary", "role: secondary", "exactly one primary"),
        ("starts: 2026-03-02", "starts: soon", "not a date"),
        ("ends: 2026-03-30", "ends: 2026-01-30", "before it starts"),
        ("control: control\n", "control: nobody\n", "one of them the control"),
        ("owner: marketing\n", "", "'owner' is missing"),
        ("arms: {", "arms: [", "no YAML"),
    ],
)
def test_a_wrong_plan_is_refused_with_what_to_mend(before, after, message):
    with pytest.raises(ParameterError, match=message):
        changed(before, after)


def past(effects, errors, decisions=None):
    decisions = decisions or [Decision.DONT_SHIP] * len(effects)
    return [
        PastResult(f"e{i}", e, s, d)
        for i, (e, s, d) in enumerate(zip(effects, errors, decisions, strict=True))
    ]


def test_lessons_recover_the_distribution_of_true_effects():
    generator = np.random.default_rng(0)
    true = generator.normal(0.01, 0.03, 400)
    lessons = programme_lessons(past(generator.normal(true, 0.02), np.full(400, 0.02)))
    assert lessons.prior.mean == pytest.approx(0.01, abs=0.006)
    assert lessons.prior.variance**0.5 == pytest.approx(0.03, abs=0.004)


def test_winners_are_shrunken_by_what_selection_added():
    generator = np.random.default_rng(1)
    true = generator.normal(0.0, 0.02, 1_000)
    seen = generator.normal(true, 0.03)
    decisions = [Decision.SHIP if s > 0.06 else Decision.DONT_SHIP for s in seen]
    lessons = programme_lessons(past(seen, np.full(1_000, 0.03), decisions))
    won = np.array([d is Decision.SHIP for d in decisions])
    assert seen[won].mean() > 2 * true[won].mean()
    assert lessons.table["shrunken_effect"][won].mean() == pytest.approx(
        true[won].mean(), abs=0.008
    )
    assert "Winners keep about" in lessons.summary()


def test_the_hit_rate_has_an_interval():
    decisions = [Decision.SHIP] + [Decision.DONT_SHIP] * 9
    lessons = programme_lessons(past(np.zeros(10), np.full(10, 0.1), decisions))
    assert lessons.hit_rate == 0.1
    assert lessons.hit_rate_low < 0.1 < lessons.hit_rate_high


def test_two_results_teach_nothing():
    with pytest.raises(EvidenceError, match="too few"):
        programme_lessons(past([0.1, 0.2], [0.1, 0.1]))


def test_a_prior_from_few_like_results_stays_wide():
    lessons = programme_lessons(past([0.5] * 5, [0.4] * 5))
    assert lessons.prior.variance**0.5 == pytest.approx(0.4 / 5**0.5, rel=1e-3)
