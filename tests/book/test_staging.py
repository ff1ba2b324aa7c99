"""What staging makes of pages and notebooks: headings, badges, links, and what the landing page shows of the course."""

import html
import json
import re

import nbformat
import pytest

from book import build, landing, notebooks, social_card
from course.contents import CHAPTERS
from tests.notebooks import NOTEBOOKS
from tests.project import ROOT, project, read

FINISHED = [chapter for chapter in CHAPTERS if chapter.finished]
BY_TITLE = {chapter.title: chapter for chapter in CHAPTERS}
START = ROOT / "notebooks" / "00_start.ipynb"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_is_headed_by_its_number_the_field_s_term_and_its_question(path):
    head, *rest = notebooks.staged(path).cells[0].source.splitlines()
    number, term, question = re.fullmatch(r"# (\d+[a-z]?) (.+?): (.+)", head).groups()
    chapter = BY_TITLE[path.stem]
    assert (number.zfill(len(chapter.number)), term, question) == (chapter.number, chapter.term, chapter.question)
    assert '<img src="_static/colab.svg" alt="Open in Colab"' in rest[1] and colab_link(path) in rest[1]


def colab_link(path):
    """Where the notebook's own link leads."""
    return re.search(r"\[Open in Colab\]\((.+)\)", nbformat.read(path, 4).cells[0].source)[1]


def test_the_committed_notebook_stays_as_it_is():
    before = START.read_bytes()
    staged = notebooks.staged(START)
    kept = nbformat.read(START, 4)
    unmarked = [place for place, cell in enumerate(kept.cells) if "NBVAL" not in cell.source][1:]
    assert [staged.cells[place] for place in unmarked] == [kept.cells[place] for place in unmarked]
    assert staged.cells[0] != kept.cells[0]
    assert START.read_bytes() == before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_which_cells_the_tests_compare_does_not_show_on_the_site(path):
    kept, staged = nbformat.read(path, 4).cells, notebooks.staged(path).cells
    marked = [place for place, cell in enumerate(kept) if "NBVAL" in cell.source]
    assert marked and not any("NBVAL" in cell.source for cell in staged)
    assert all(staged[place].source == kept[place].source.split("\n", 1)[1] for place in marked)


@pytest.mark.parametrize("change", [("# Does it work", "# Will it work"), ("[Open in Colab]", "[Open]")])
def test_a_notebook_that_opens_otherwise_stops_the_site(tmp_path, change):
    notebook = nbformat.read(START, 4)
    notebook.cells[0].source = notebook.cells[0].source.replace(*change)
    nbformat.write(notebook, tmp_path / START.name)
    with pytest.raises(ValueError, match="00_start"):
        notebooks.staged(tmp_path / START.name)


def test_a_notebook_that_is_no_chapter_stops_the_site(tmp_path):
    (tmp_path / "99_more.ipynb").write_text(START.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ValueError, match="no chapter"):
        notebooks.staged(tmp_path / "99_more.ipynb")


def test_terms_differ_and_begin_with_a_capital():
    terms = [chapter.term for chapter in CHAPTERS]
    assert len(set(terms)) == len(terms) and all(term[0].isupper() for term in terms)


def test_links_of_a_page_lead_into_the_one_folder_and_definitions_are_indented(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "[six](../notebooks/06_grpo.ipynb), ![p](../docs/p.png), [out](https://x.org/../docs/)\n: not here\n\n"
        "```{glossary}\nreward\n: What a reply\n  gets.\n```\n",
        encoding="utf-8",
    )
    assert build.flat(page) == (
        "[six](06_grpo.ipynb), ![p](p.png), [out](https://x.org/../docs/)\n: not here\n\n"
        "```{glossary}\nreward\n  What a reply\n  gets.\n```\n"
    )


def test_there_is_a_card_for_every_chapter_and_a_link_on_those_that_are_written():
    cards = re.findall(r'<li class="(finished|planned)">(.*?)</li>', landing.cards(), re.DOTALL)
    assert len(cards) == len(CHAPTERS)
    for chapter, (state, card) in zip(CHAPTERS, cards):
        assert state == ("finished" if chapter.finished else "planned")
        assert (f'<a href="{chapter.title}.html">' in card) == chapter.finished
        assert ("planned, not written yet" in card) != chapter.finished
        assert chapter.term in card and chapter.question.lower() in card.lower()
        if chapter.finished:
            assert f"{chapter.machine} minute" in card


def test_the_question_is_answered_as_the_notebook_holds_it():
    shown = landing.asked_twice(START)
    base, zero = shown.split("</figure>")[:2]
    assert "mini-base" in base and "mini-zero" in zero
    outputs = [output for cell in nbformat.read(START, 4).cells for output in cell.get("outputs", [])]
    texts = [output["data"]["text/plain"] for output in outputs if "text/html" in output.get("data", {})]
    first, last = (text for text in texts if text.startswith(landing.PROMPT))
    for figure, text in ((base, first), (zero, last)):
        verdicts = re.findall(r"^answer .* (right|wrong)$", text, re.MULTILINE)
        answer = re.search(r"^answer +(.*?) +(?:right|wrong)$", text, re.MULTILINE)[1]
        assert f"{verdicts.count('right')} of {len(verdicts)} sampled replies are right" in figure
        assert f"<strong>{answer}</strong>" in figure
        assert (" right</p>" in figure.split("tally")[0]) == (verdicts[0] == "right")


def test_what_a_model_said_is_shown_as_text():
    reply = landing.Reply("<b>r</b>\nr 1", "<script>", False)
    assert "<b>" not in (shown := landing.answered("mini-base", "", [reply])) and "<script>" not in shown
    assert "&lt;b&gt;r&lt;/b&gt;\nr 1" in shown and "✗ wrong" in shown


def test_a_notebook_without_the_two_transcripts_stops_the_site(tmp_path):
    notebook = nbformat.read(START, 4)
    notebook.cells = notebook.cells[:20]
    nbformat.write(notebook, tmp_path / "short.ipynb")
    with pytest.raises(ValueError, match="holds 1 transcript"):
        landing.asked_twice(tmp_path / "short.ipynb")


def test_the_curve_says_the_mean_of_the_five_seeds():
    runs = json.loads((ROOT / "results" / "zero.json").read_text(encoding="utf-8"))["figures"]["curves"]["reward"]
    drawn = landing.curve()
    for kind, name in (("right", "share right"), ("thinks", "share that thinks")):
        last = sum(run[kind][49] for run in runs) / len(runs)
        assert re.search(rf"{name}: 1 .*? 50 {last:.2f}", drawn.alt)
    assert drawn.png.startswith(b"\x89PNG")


def test_jupyter_book_and_sphinx_get_the_same_widgets_of_the_landing_page():
    """The first as a block of its own with models from the published site; the second as a picture to bring to life."""
    text = read("book/index.md")
    blocks = [json.loads(one) for one in re.findall(r"^```\{anywidget\} widget\.js\n(.*)\n```$", text, re.MULTILINE)]
    assert [one["kind"] for one in blocks] == ["ask", "replay"]
    shown = landing.with_widgets(text)
    states = re.findall(r"data-course-widget='(\w+)' data-state='([^']*)'", shown)
    assert "{anywidget}" not in shown and [kind for kind, _ in states] == ["ask", "replay"]
    assert [json.loads(html.unescape(state)) for _, state in states] == [one["state"] for one in blocks]
    assert all(one["folder"].startswith("https://") and one["folder"].endswith("/_static/models") for one in blocks)


def test_the_card_for_shared_links_has_the_size_that_networks_want(tmp_path):
    from PIL import Image

    social_card.draw(tmp_path / "card.png")
    assert Image.open(tmp_path / "card.png").size == (1200, 630)


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_every_page_says_what_to_show_where_its_link_is_shared(site):
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert '<html lang="en"' in text and 'rel="icon" href="_static/favicon.svg"' in text
        if page.stem in ("search", "genindex"):
            continue
        tags = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)"', text))
        assert tags["og:image"] == f"{project()['urls']['Site']}/_static/card.png"
        assert tags["og:url"] == f"{project()['urls']['Site']}/{page.name}"
        assert tags["twitter:card"] == "summary_large_image"
        assert tags["og:title"] and len(tags["og:description"]) > 20 and "Open in" not in tags["og:description"]
    assert (site / "_static" / "card.png").exists()


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("chapter", FINISHED, ids=lambda chapter: chapter.name)
def test_a_chapter_has_the_same_heading_in_title_sidebar_and_page(site, chapter):
    text = (site / f"{chapter.title}.html").read_text(encoding="utf-8")
    assert f"<title>{chapter.heading} &#8212; Think Step by Step</title>" in text
    assert re.search(rf"<h1>{re.escape(chapter.heading)}<a class=\"headerlink\"", text)
    sidebar = re.search(r'<nav class="bd-links.*?</nav>', text, re.DOTALL)[0]
    assert [one.heading for one in FINISHED if one.heading in sidebar] == [one.heading for one in FINISHED]
