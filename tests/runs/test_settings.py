from datetime import date

import pytest

from retention.errors import ParameterError
from retention.runs import dates
from retention.runs.settings import load_settings


@pytest.mark.parametrize(
    ("text", "where", "mend"),
    [
        ("seeed: 3\n", "params/toy/lifetime_value.yaml, line 1, column 'seeed'", "'seed'"),
        ('seed: "3"\n', "params/toy/lifetime_value.yaml, line 1, column 'seed'", "without quotes"),
        ("\nseed: -1\n", "params/toy/lifetime_value.yaml, line 2, column 'seed'", "greater than"),
        ("as_of: 2026-13-40\n", "line 1, column 'as_of'", "is not allowed"),
        ("seed: 1\nseed: 2\n", "line 2, column 'seed'", "second time"),
        ("seed: [1\n", "params/toy/lifetime_value.yaml", "no YAML"),
        ("- seed\n", "params/toy/lifetime_value.yaml", "name: value"),
        ("output_dir: /tmp\n", "column 'output_dir'", "no such parameter"),
    ],
)
def test_a_wrong_parameter_is_refused_with_file_line_and_mend(workspace, text, where, mend):
    (workspace.params / "toy" / "lifetime_value.yaml").write_text(text)
    with pytest.raises(ParameterError) as caught:
        load_settings(workspace, "toy")
    assert where in str(caught.value)
    assert mend in str(caught.value)


def test_an_unknown_profile_names_the_known_ones(workspace):
    with pytest.raises(ParameterError, match="Known profiles: toy"):
        load_settings(workspace, "toys")


def test_a_file_that_belongs_to_no_notebook_is_refused(workspace):
    (workspace.params / "toy" / "campain_lift.yaml").write_text("")
    with pytest.raises(ParameterError, match="belongs to no notebook"):
        load_settings(workspace, "toy")


def test_relative_dates_are_resolved_and_both_forms_are_kept(workspace):
    (workspace.params / "toy" / "common.yaml").write_text("profile: toy\nas_of: -1month_start\n")
    settings = load_settings(workspace, "toy", date(2026, 1, 15))[0]
    assert settings.given["as_of"] == "-1month_start"
    assert settings.resolved["as_of"] == "2025-12-01"


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("today", "2026-03-15"),
        ("yesterday", "2026-03-14"),
        ("-30days", "2026-02-13"),
        ("month_start", "2026-03-01"),
        ("-15month_start", "2024-12-01"),
        ("week_start", "2026-03-09"),
        ("-2week_start", "2026-02-23"),
    ],
)
def test_relative_dates_count_from_the_given_day(text, iso):
    assert dates.resolve(text, date(2026, 3, 15)) == iso
