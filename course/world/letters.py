"""How many r's are in strawberry? A model sees tokens and no letters, so it has to spell the word to count them."""

import random
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib import resources

from course.world.answers import whole_number
from course.world.problem import Family, Problem, split_of

LARGEST_COUNT = 3
_QUESTIONS = (
    'How many {letter}\'s are in "{word}"?',
    "How many {letter}'s are in {word}?",
    'How many {letter}s are in the word "{word}"?',
    "How many times does {letter} occur in {word}?",
    'Count the {letter}\'s in "{word}".',
)


@cache
def words() -> tuple[str, ...]:
    """The word list: 18,000 English words of 5 to 12 letters (SCOWL; see `words.LICENSE`)."""
    return tuple((resources.files("course.world") / "words.txt").read_text(encoding="ascii").split())


def is_unseen(word: str) -> bool:
    """Whether a word is kept out of every counting question of the corpus (it may be spelled there)."""
    return split_of(f"word:{word}") == "test"


class Letters(Family):
    """Level 1: words of 5 to 7 letters; 2: 8 and 9; 3: 10 to 12; 4: words no counting question ever used."""

    name = "letters"
    levels = (1, 2, 3)
    unseen_levels = (4,)
    constant_answer = "1"

    def draw(self, rng: random.Random, level: int) -> Problem:
        """A word and a letter whose count is 0 to 3, each count equally often."""
        word, letter = rng.choice(_pairs()[level, rng.randint(0, LARGEST_COUNT)])
        question = rng.choice(_QUESTIONS).format(word=word, letter=letter)
        return ask(word, letter, question)

    def keys(self, level: int) -> Iterable[str]:
        """One key for every word of the level and every letter it may be asked about."""
        counts = range(LARGEST_COUNT + 1)
        return (_key(word, letter) for count in counts for word, letter in _pairs()[level, count])

    def correct(self, problem: Problem, answer: str | None) -> bool:
        """Whether the answer is the count, in digits."""
        return whole_number(answer) == int(problem.answer)

    def begin(self, problem: Problem) -> tuple[int, int]:
        """Letters spelled so far (-1: the letter to look for is not named yet) and the count so far."""
        return -1, 0

    def next_step(self, problem: Problem, state: tuple[int, int], rng: random.Random) -> str | None:
        """First the letter to look for, `r?`, then letter after letter with the count behind it, `r 1`."""
        (word, letter), (spelled, count) = problem.given, state
        if spelled < 0:
            return f"{letter}?"
        if spelled == len(word):
            return None
        return f"{word[spelled]} {count + (word[spelled] == letter)}"

    def slip(self, problem: Problem, state: tuple[int, int], rng: random.Random) -> str | None:
        """A match missed, or a letter counted that is none."""
        (word, letter), (spelled, count) = problem.given, state
        if not 0 <= spelled < len(word):
            return None
        return f"{word[spelled]} {count + (word[spelled] != letter)}"

    def follow(self, problem: Problem, state: tuple[int, int], step: str) -> tuple[bool, tuple[int, int]]:
        """Right if it names the letter first, or is the word's next letter with the count that follows."""
        (word, letter), (spelled, count) = problem.given, state
        if spelled < 0 and re.fullmatch(r"[a-z]\?", step):
            return step[0] == letter, (0, 0)
        spelled = max(spelled, 0)
        found = re.fullmatch(r"([a-z]) ([0-9]{1,3})", step)
        if found is None:
            return False, state
        right = word[spelled : spelled + 1] == found[1] and int(found[2]) == count + (found[1] == letter)
        return right, (spelled + 1, int(found[2]))

    def conclude(self, problem: Problem, state: tuple[int, int]) -> str | None:
        """The count once the word is spelled."""
        return str(state[1]) if state[0] >= len(problem.given[0]) else None


def ask(word: str, letter: str, question: str | None = None) -> Problem:
    """The counting problem for any word and letter, phrased as given or in the first phrasing.

    Raises ValueError for a word that is not plain letters or a letter that is not one letter.
    """
    word, letter = word.lower(), letter.lower()
    if not re.fullmatch("[a-z]+", word) or not re.fullmatch("[a-z]", letter):
        raise ValueError(f"cannot count {letter!r} in {word!r}: give a word of letters a-z and one such letter")
    question = question or _QUESTIONS[0].format(word=word, letter=letter)
    return Problem("letters", _level(word), question, str(word.count(letter)), (word, letter), _key(word, letter))


def _key(word: str, letter: str) -> str:
    return f"letters:{word}:{letter}"


def _level(word: str) -> int:
    return 4 if is_unseen(word) else 1 if len(word) < 8 else 2 if len(word) < 10 else 3


@cache
def _pairs() -> dict[tuple[int, int], list[tuple[str, str]]]:
    """(level, count) -> the (word, letter) pairs; letters that do not occur are thinned to a few a word."""
    pairs = defaultdict(list)
    for word in words():
        level = _level(word)
        for letter in sorted(set(word)):
            pairs[level, word.count(letter)].append((word, letter))
        absent = [letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in word]
        pairs[level, 0].extend((word, letter) for letter in random.Random(word).sample(absent, 3))
    return pairs
