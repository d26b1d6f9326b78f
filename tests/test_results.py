"""Checks are told in one sentence that names those to act on."""

from __future__ import annotations

from retention.quantities import between
from retention.results import Check, Status, checks_summary, points_between


def test_checks_that_all_pass_need_no_names():
    checks = [Check("a.one", Status.PASS, ""), Check("a.two", Status.PASS, "")]
    assert checks_summary(checks) == "2 of 2 checks passed."


def test_checks_that_fail_are_named_before_those_to_look_at():
    checks = [
        Check("a.warned", Status.WARN, ""),
        Check("a.passed", Status.PASS, ""),
        Check("a.failed", Status.FAIL, ""),
    ]
    told = checks_summary(checks)
    assert told == "1 of 3 checks passed; failed: a.failed; to look at: a.warned."


def test_the_interval_of_a_difference_of_shares_says_its_unit_once():
    assert points_between(-0.012, 0.034) == "-1.2 to +3.4 points"
    assert between(0.001, 0.0674, "share") == "+0.10 to +6.74 points"
    assert points_between(None, 0.034) == "– to +3.4 points"
