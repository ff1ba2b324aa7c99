"""Tables of figures: what a cell shows, how columns are aligned, and what a screen reader gets."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from course.experiments import recorded
from course.teach.tables import findings, table
from course.think.evaluation import Score, estimate, paired_comparison

GAIN = paired_comparison([0.1, 0.2, 0.3], [0.4, 0.5, 0.7])


def cells(text: str, row: int) -> list[str]:
    """What a row of the text holds; columns stand at least two spaces apart."""
    return [cell.strip() for cell in text.splitlines()[row].split("  ") if cell.strip()]


def test_scores_estimates_and_comparisons_stand_with_their_intervals_and_the_verdict_apart():
    shown = str(table({"a": {"score": Score(3, 10), "nats": estimate([1.0, 2.0, 3.0]), "gain": GAIN}}))
    assert cells(shown, 0) == ["score", "nats", "gain", "verdict"]
    assert cells(shown, 2) == ["a", "0.30 [0.11, 0.60]", "2.00 [-0.48, 4.48]", "+0.33 [+0.19, +0.48]", "better"]


def test_what_a_results_file_holds_reads_like_the_figure_itself():
    score = {"mean": 0.3, "interval": [0.1078, 0.6032], "n": 10}
    gain = {"difference": 1 / 3, "interval": [0.1899, 0.4768], "n": 3, "verdict": "better"}
    recorded, fresh = ({"a": {"score": one, "gain": other}} for one, other in ((score, gain), (Score(3, 10), GAIN)))
    assert str(table(recorded)) == str(table(fresh))


def test_a_list_of_rows_is_named_by_the_column_that_is_asked_for():
    rows = [{"n": 1, "family": "cups"}, {"n": 2, "family": "sums", "more": "x"}]
    assert table(rows, row="family").rows == (("cups", "1", ""), ("sums", "2", "x"))
    assert table(rows).columns == ("n", "family", "more")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 853120), ("1", "853,120")),
        ((0.5, 7.25), ("0.50", "7.25")),
        ((0.5, 2), ("0.50", "2.00")),
        ((0.0123, 0.05), ("0.012", "0.050")),
        ((14.74, 0.17), ("14.74", "0.17")),
        ((14.74, 25.0), ("14.7", "25.0")),
        ((10.0, 25.0), ("10.0", "25.0")),
        ((147.4, 250.0), ("147", "250")),
        ((0.0, 0.0), ("0.00", "0.00")),
        ((None, 3), ("n/a", "3")),
        ((float("nan"), 0.5), ("n/a", "0.50")),
        ((np.float32(0.5), torch.tensor(1.5)), ("0.50", "1.50")),
        ((True, False), ("yes", "no")),
        ((1.5e15, 3e12), ("1.5e+15", "3e+12")),
    ],
)
def test_numbers_of_a_column_get_the_decimals_they_need(values, expected):
    assert tuple(row[1] for row in table([{"": "r", "x": value} for value in values]).rows) == expected


def test_decimals_can_be_asked_for_by_column():
    rows = {"a": {"x": 0.12345, "y": 0.12345}}
    assert table(rows, decimals=3).rows == (("a", "0.123", "0.123"),)
    assert table(rows, decimals={"y": 4}).rows == (("a", "0.12", "0.1235"),)


def test_columns_of_the_text_are_aligned_numbers_to_the_right():
    lines = str(table({"direct": {"share": 0.4, "note": "x"}, "few": {"share": 12.0, "note": "yz"}})).splitlines()
    assert lines[2:] == ["direct   0.40  x", "few     12.00  yz"]


def test_the_page_gets_headers_with_a_scope_and_a_caption_and_nothing_that_runs():
    shown = table({"<b>": {"x & y": 1}}, caption="a < b", row="way")
    tree = ElementTree.fromstring(shown._repr_html_())
    assert tree.tag == "table" and tree.find("caption").text == "a < b"
    assert [(one.get("scope"), one.text) for one in tree.iter("th")] == [
        ("col", "way"), ("col", "x & y"), ("row", "<b>"),
    ]  # fmt: skip
    assert "color:" not in shown._repr_html_() and "script" not in shown._repr_html_()


def test_a_header_without_a_name_is_no_header():
    tree = ElementTree.fromstring(table({"a": {"x": 1}})._repr_html_())
    assert [one.text for one in tree.iter("th")] == ["x", "a"]


@pytest.mark.parametrize("rows", [[], {}, {"a": {}}, [{}]])
def test_nothing_to_show_is_an_error(rows):
    with pytest.raises(ValueError, match="nothing to show"):
        table(rows)


def test_a_row_without_its_name_is_an_error():
    with pytest.raises(ValueError, match="no 'way' to name it"):
        table([{"way": "a", "x": 1}, {"x": 2}], row="way")


def test_an_interval_that_leaves_out_zero_is_not_shown_as_ending_there():
    gain = {"difference": 0.0106, "interval": [0.0016, 0.0195], "n": 5, "verdict": "better"}
    assert table({"a": {"gain": gain}}).rows == (("a", "+0.011 [+0.002, +0.019]", "better"),)


def test_findings_say_what_the_summary_of_the_record_says():
    record = recorded("votes")
    shown = findings(record)
    assert record["claim"] in shown.caption and record["falsified if"] in shown.caption
    assert shown.caption.endswith("it holds." if record["holds"] else "it does not hold.")
    assert shown.columns == ("comparison", "difference", "verdict", "n")
    for (name, difference, verdict, n), (what, one) in zip(shown.rows, record["comparisons"].items(), strict=True):
        assert (name, verdict, n) == (what, one["verdict"], str(one["n"]))
        assert float(difference.split()[0]) == pytest.approx(one["difference"], abs=0.006)


def test_a_record_with_several_claims_says_which_of_them_hold():
    record = {**recorded("votes"), "claims": {"C1": True, "C2": False}}
    assert findings(record).caption.endswith("Result: C1 holds, C2 does not hold.")
