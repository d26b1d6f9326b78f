"""Checks are told in one sentence that names those to act on."""

from __future__ import annotations

from retention.results import Check, Status, checks_summary


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
