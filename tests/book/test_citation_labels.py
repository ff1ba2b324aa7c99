import re
from pathlib import Path

from pybtex.database import parse_file, parse_string

from book.citation_labels import AuthorAndYear

REFERENCES = Path(__file__).resolve().parents[2] / "book" / "references.bib"
ENTRY = "@misc{{{key}, author = {{{author}}}, year = {{{year}}}}}"


def labels(*cited: tuple[str, int]) -> list[str]:
    text = "\n".join(ENTRY.format(key=f"k{n}", author=author, year=year) for n, (author, year) in enumerate(cited))
    return list(AuthorAndYear().format_labels(list(parse_string(text, "bibtex").entries.values())))


def test_a_citation_names_one_author_or_two_and_et_al_for_more():
    told = labels(
        ("Williams, Ronald J.", 1992),
        ("Zhang, Biao and Sennrich, Rico", 2019),
        ("von Werra, Leandro and Belkada, Younes and Tunstall, Lewis", 2020),
        ("Qu, Yuxiao and others", 2025),
    )
    assert told == ["Williams 1992", "Zhang and Sennrich 2019", "von Werra et al. 2020", "Qu et al. 2025"]


def test_an_organization_stands_alone():
    told = labels(("{DeepSeek-AI} and Guo, Daya and others", 2025), ("{Gemini Team, Google}", 2023), ("{OpenAI}", 2023))
    assert told == ["DeepSeek-AI 2025", "Gemini Team 2023", "OpenAI 2023"]


def test_letters_tell_apart_what_would_be_the_same():
    told = labels(("{OpenAI}", 2024), ("{OpenAI}", 2023), ("{OpenAI}", 2024))
    assert told == ["OpenAI 2024a", "OpenAI 2023", "OpenAI 2024b"]


def test_the_bibliography_has_a_readable_label_for_each_source():
    entries = list(parse_file(str(REFERENCES)).entries.values())
    told = list(AuthorAndYear().format_labels(entries))
    assert len(set(told)) == len(entries)
    assert [one for one in told if not re.fullmatch(r"[\w' -]+( et al\.)? \d{4}[a-z]?", one)] == []
