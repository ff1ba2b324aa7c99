"""How the site's pages speak of chapters: by number, with a link where there is something to read."""

import re

from course.contents import CHAPTERS, Chapter


def named(name: str) -> Chapter:
    """The chapter of this name. Raises KeyError if there is none."""
    return {one.name: one for one in CHAPTERS}[name]


def link(chapter: Chapter, heading: str = "") -> str:
    """A link to a chapter's notebook, or to a heading in it; a chapter that is not written yet is called planned."""
    if not chapter.finished:
        return f"chapter {chapter.short_number} (planned: {chapter.question})"
    place = f"../notebooks/{chapter.title}.ipynb" + (f"#{slug(heading)}" if heading else "")
    return f"[chapter {chapter.short_number}{', ' + heading if heading else ''}]({place})"


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it.

    >>> slug("Is it the reward?")
    'is-it-the-reward'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def capital(text: str) -> str:
    """The same with a capital letter first, inside a link too."""
    return re.sub(r"[a-z]", lambda match: match[0].upper(), text, count=1)
