"""Every link of the site that stays on the site leads to a page, a file or a place on a page that is there."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
LEADING = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src"}


class Read(HTMLParser):
    """The links of a page, and the places on it that a link can lead to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places |= {found[name] for name in ("id", "name") if found.get(name)}
        if found.get(LEADING.get(tag)):
            self.links.add(found[LEADING[tag]])


def broken(site: Path) -> list[tuple[str, str]]:
    """Each link that leads nowhere, with the page it stands on."""
    pages = {path.resolve(): Read(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    found = []
    for page, read in pages.items():
        for link in read.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            lost = target in pages and unquote(parts.fragment) not in pages[target].places
            if not target.exists() or lost:
                found.append((page.name, link))
    return found


def test_no_link_of_the_site_leads_nowhere(site):
    assert len(list(site.glob("*.html"))) >= 10
    assert broken(site) == []


@pytest.mark.parametrize("link", ["gone.html", "other.html#gone", "#gone", "_images/gone.png"])
def test_a_link_that_leads_nowhere_is_found(tmp_path, link):
    tmp_path.joinpath("other.html").write_text('<p id="here">', encoding="utf-8")
    tag = f'<img src="{link}">' if link.endswith("png") else f'<a href="{link}">'
    good = '<a href="other.html#here"><a href="https://example.org/x"><p id="top"><a href="#top"><a href="#">'
    tmp_path.joinpath("index.html").write_text(good + tag, encoding="utf-8")
    assert broken(tmp_path) == [("index.html", link)]
