"""A reply read token by token: which field each piece belongs to, and where the answer ends.

The same cut as `course.world.answers.split_reply` makes of a whole reply, made while it is drawn; so the first closing
tag ends the thinking, as nobody can know yet whether another will follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from course.model.continuous import Drawn
from course.world.tokenizer import END_THINK, EOS, THINK

REASONING, CONTENT = "reasoning", "content"


@dataclass(frozen=True)
class Piece:
    """Text for one of the two fields, with the tokens it was read from where log-probs are asked for."""

    field: str
    text: str
    tokens: tuple[Drawn, ...] = ()


@dataclass
class Reading:
    """The state of one reply."""

    texts: Sequence[str]  # of every token of the vocabulary
    stops: tuple[str, ...] = ()
    inside: bool = False  # whether the reply is in its thoughts; true from the start where the prompt began them
    tokens: int = 0  # read so far, control tokens and the end included
    reasoning_tokens: int = 0  # of these, the thoughts and the tags around them
    stopped: bool = False  # whether a stop string has ended the answer
    _held: str = ""  # text that may turn out not to belong: white space at an end, the beginning of a stop string
    _kept: list[Drawn] = field(default_factory=list)  # the tokens of text that is held
    _said: bool = False  # whether the field at hand has any text

    def __post_init__(self) -> None:
        self._think, self._end_think, self._eos = (self.texts.index(tag) for tag in (THINK, END_THINK, EOS))

    def read(self, drawn: Drawn) -> Piece | None:
        """Take one more token; what can be shown now."""
        if self.stopped:
            return None
        self.tokens += 1
        if self.inside:
            self.reasoning_tokens += drawn.token != self._eos
            if drawn.token == self._end_think:
                self._turn(inside=False)
                return None
        if drawn.token == self._eos:
            return None
        begins = not self.inside and not self._said and not self._held.strip() and not self.reasoning_tokens
        if drawn.token == self._think and begins:
            self.reasoning_tokens += 1
            self._turn(inside=True)
            return None
        self._held += self.texts[drawn.token]
        self._kept.append(drawn)
        return self._release()

    def rest(self) -> Piece | None:
        """What was held back as the possible beginning of a stop string, once nothing can follow."""
        text = self._held.rstrip()
        return self._piece(text) if text and not self.stopped else None

    def _turn(self, *, inside: bool) -> None:
        """White space at the end of a field is not part of it."""
        self.inside, self._held, self._said = inside, "", False
        self._kept.clear()

    def _release(self) -> Piece | None:
        text = self._held if self._said else self._held.lstrip()
        stops = () if self.inside else self.stops
        found = [(place + len(stop), place) for stop in stops if (place := text.find(stop)) >= 0]
        if found:  # the one that is complete first, wherever the text is cut into tokens
            self.stopped, text = True, text[: min(found)[1]]
            return self._piece(text) if text else None
        begun = max((_overlap(text, stop) for stop in stops), default=0)
        shown = text[: len(text) - begun].rstrip()
        self._held = text[len(shown) :]
        return self._piece(shown) if shown else None

    def _piece(self, text: str) -> Piece:
        self._said = True
        kept = tuple(self._kept)
        self._kept.clear()
        return Piece(REASONING if self.inside else CONTENT, text, kept)


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text may be the beginning of a stop string."""
    return max(size for size in range(min(len(text), len(stop) - 1) + 1) if size == 0 or stop.startswith(text[-size:]))


def joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbors of the same field as one piece."""
    several: list[Piece] = []
    for piece in pieces:
        if several and several[-1].field == piece.field:
            last = several.pop()
            piece = Piece(piece.field, last.text + piece.text, last.tokens + piece.tokens)
        several.append(piece)
    return several
