"""Evidence is kept, merged and shown as it was measured."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.race import disagreement
from benchmarks.record import Entry, at_least, at_most, merged, near, read, stamped, write
from benchmarks.render import markdown

from benchmarks import collect


def entry(case: str = "r", module: str = "validity.value", **changed: object) -> Entry:
    values = {"expected": 0.2426, "figure": 0.2425, "tolerance": 0.001, "n": 2357, "ok": True}
    return Entry("value", case, module=module, **(values | changed))


def test_entries_come_back_as_they_were_kept(tmp_path: Path) -> None:
    kept = [entry(figure=np.float64(0.25)), entry("second", ok=False, source="a reason")]
    write(tmp_path / "e.json", kept)
    assert read(tmp_path / "e.json") == kept


def test_a_figure_that_is_not_finite_becomes_null(tmp_path: Path) -> None:
    write(tmp_path / "e.json", [entry(figure=float("nan"))])
    assert read(tmp_path / "e.json")[0].figure is None


def test_no_file_means_no_entries(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    ("made", "ok"),
    [
        (near("a", "c", 1.0, 1.05, 0.1, 1, ""), True),
        (near("a", "c", 1.0, 1.2, 0.1, 1, ""), False),
        (near("a", "c", 1.0, float("nan"), 0.1, 1, ""), False),
        (at_least("a", "c", 0.5, 0.5, 1, ""), True),
        (at_least("a", "c", 0.5, 0.4, 1, ""), False),
        (at_most("a", "c", 0.5, 0.6, 1, ""), False),
        (at_most("a", "c", 0.5, float("nan"), 1, ""), False),
    ],
)
def test_an_entry_holds_only_within_its_bound(made: Entry, ok: bool) -> None:
    assert made.ok is ok


def test_one_module_run_again_leaves_the_others_alone() -> None:
    other = entry("other", module="validity.churn")
    fresh = entry("new")
    assert merged([entry("old"), other], [fresh], {"validity.value"}) == [other, fresh]


def test_a_miss_is_shown_first_with_its_reason() -> None:
    page = markdown("validity", [entry(), entry("miss", ok=False, source="too | noisy")])
    assert "**1 of 2 hold.**" in page
    assert "- value: miss (0.2425). too | noisy" in page
    assert "too \\| noisy" in page


def test_speed_entries_show_their_goal_and_the_machine() -> None:
    fast = Entry("value", "fit", figure=12.0, goal="at least 8", ok=True)
    assert "| fit | at least 8 | 12 |" in markdown("speed", [fast], {"cores": "2"})
    assert "- cores: 2" in markdown("speed", [fast], {"cores": "2"})
    assert "expected" not in fast.as_dict()


def test_answers_are_compared_on_their_common_keys() -> None:
    assert disagreement({"a": 1.0, "b": 2.0}, {"a": 1.0}) == (0.0, "")
    gap, key = disagreement({"a": 1.0}, {"a": 1.1})
    assert gap == pytest.approx(0.1 / 1.1)
    assert key == "a"


@pytest.mark.parametrize("theirs", [{"z": 1.0}, {}, {"a": float("nan")}])
def test_answers_that_cannot_be_compared_disagree(theirs: dict[str, float]) -> None:
    gap, _ = disagreement({"a": 1.0}, theirs)
    assert gap == float("inf")


def test_a_module_that_breaks_is_an_entry_that_misses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_area.py").write_text(
        "def cases():\n    raise ValueError('no data')\n    yield\n"
    )
    package = __import__("benchmarks.validity", fromlist=["x"])
    monkeypatch.setattr(package, "__path__", [str(tmp_path)])
    (broken,) = collect.run_module("validity", "broken_area")
    assert not broken.ok
    assert broken.source == "ValueError: no data"


def test_an_unknown_area_is_refused() -> None:
    with pytest.raises(SystemExit, match="no validity module nonsense"):
        collect._chosen("validity", ["nonsense"])


def test_a_page_that_was_edited_by_hand_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(collect, "HERE", tmp_path)
    write(tmp_path / "validity.json", [stamped(entry(), "validity.value", "abc")])
    kept = read(tmp_path / "validity.json")
    (tmp_path / "VALIDITY.md").write_text(markdown("validity", kept))
    options = collect.parser("").parse_args(["--check"])
    assert collect.main("validity", options) == 0
    (tmp_path / "VALIDITY.md").write_text(markdown("validity", kept) + "all is well\n")
    assert collect.main("validity", options) == 1


def test_entries_are_kept_after_every_module_and_forgotten_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(collect, "modules", lambda kind: ["value", "churn"])
    write(
        tmp_path / "validity.json",
        [entry("left", "validity.removed"), entry("old"), entry("other", "validity.churn")],
    )
    collect._keep("validity", tmp_path, [entry("new")], "value", None)
    assert [e.case for e in read(tmp_path / "validity.json")] == ["other", "new"]
    assert "| new |" in (tmp_path / "VALIDITY.md").read_text()
