import base64
from unittest import mock

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.reports import display
from retention.results import Check, Status
from retention.runs.stages import Record


def published(function, *arguments, **options) -> list[tuple[dict, dict]]:
    """Return data and metadata of everything that a display function publishes."""
    outputs = []

    def record(data, raw, metadata=None):
        assert raw
        outputs.append((data, metadata or {}))

    with mock.patch("IPython.display.display", record):
        function(*arguments, **options)
    return outputs


def shown(function, *arguments, **options) -> str:
    """Return the HTML that a display function publishes."""
    return published(function, *arguments, **options)[0][0]["text/html"]


@given(st.text())
def test_no_text_from_data_opens_a_tag(text):
    html = display.safe(text)
    assert "<" not in html
    assert ">" not in html


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "<img src=x onerror=y>"])
def test_hostile_names_show_as_text_in_every_kind_of_output(hostile):
    frame = pd.DataFrame({hostile: [hostile]})
    for html in (
        shown(display.show_verdict, hostile),
        shown(display.show_finding, hostile),
        shown(display.show_table, frame, caption=hostile),
    ):
        assert hostile not in html
        assert "&lt;" in html


def test_direction_marks_are_dropped():
    assert display.safe("a\u202eb\u2066c") == "abc"


def test_status_is_told_in_a_word_not_by_colour_alone():
    assert "Failed:" in shown(display.show_verdict, "no", "fail")


def test_a_long_table_says_how_many_rows_are_left():
    html = shown(display.show_table, pd.DataFrame({"x": range(100)}), caption="C", rows=10)
    assert "90 more rows" in html
    assert html.count("<tr>") == 11


def test_numbers_are_right_aligned_with_one_precision_a_column():
    html = shown(display.show_table, pd.DataFrame({"x": [1.5, 22.25], "name": ["a", "b"]}))
    assert ">1.50<" in html
    assert ">22.25<" in html
    assert html.count('class="number"') == 3


def test_missing_values_show_as_a_dash():
    frame = pd.DataFrame({"x": [1.0, None], "y": ["a", None]})
    assert shown(display.show_table, frame).count("–") == 2


def test_checks_show_status_code_finding_and_action():
    import enum

    class Code(enum.StrEnum):
        SRM = "sample_ratio_mismatch"

    html = shown(display.show_checks, [Check(Code.SRM, Status.FAIL, "p < .001", "Do not read on.")])
    for text in ("Failed", "sample_ratio_mismatch", "p &lt; .001", "Do not read on."):
        assert text in html


def test_a_figure_carries_its_description():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2])
    (data, metadata), _ = published(display.show_figure, figure, alt="A line.", caption="C")
    assert metadata["image/png"]["alt"] == "A line."
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert not plt.fignum_exists(figure.number)


def test_a_record_cut_short_counts_as_none(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "x.json").write_text('{"notebook": "x"')
    assert Record.read(tmp_path, "x") is None


def test_names_of_the_codes_are_words_to_readers_and_what_the_shop_named_stays():
    frame = pd.DataFrame(
        {"arm": ["email_gift"], "product": ["mug_blue"], "check": ["segment_too_small"]}
    )
    html = shown(display.show_table, frame, caption="Effect by order_count")
    assert "email gift" in html
    assert "mug_blue" in html
    assert "segment_too_small" in html
    assert "Effect by order count" in html
    finding = shown(display.show_finding, "email_gift pays; see orders_export.csv and `as_of`.")
    assert "email gift pays; see orders_export.csv and `as_of`." in finding


def test_written_quantities_stand_in_line_and_other_texts_do_not():
    frame = pd.DataFrame(
        {"effect": ["USD +3.41", "USD -10.3", "–"], "span": ["1 to 2", "3 to 4", "5"]}
    )
    html = shown(display.show_table, frame)
    assert html.count('<td class="number"') == 3
    assert html.count('<td class="text"') == 3
    cells = [cell.split("</td>")[0] for cell in html.split('text-align:right">')[1:]]
    points = [len(cell) - cell.index(".") for cell in cells[:2]]
    assert points[0] == points[1]


def test_a_table_without_rows_says_so():
    assert ">none</td>" in shown(display.show_table, pd.DataFrame({"a": [], "b": []}))


def test_a_small_p_value_is_never_zero_and_a_factor_of_a_rate_is_no_share():
    frame = pd.DataFrame({"p_value": [0.5, 1e-9], "purchase rate times": [0.5, 0.9]})
    html = shown(display.show_table, frame)
    assert "&lt; 0.0001" in html
    assert "%" not in html


def test_a_finding_says_what_to_do_in_a_line_of_its_own():
    html = shown(display.show_finding, "Loyal fade.", "Write to loyal_customers & <b>soon</b>.")
    assert "<p>Loyal fade.</p>" in html
    assert "<strong>What to do:</strong> Write to loyal customers &amp; &lt;b&gt;soon" in html
    assert "What to do" not in shown(display.show_finding, "Loyal fade.")
