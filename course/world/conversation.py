"""The one home of the conversation format: messages become a prompt, and a reply is found again behind it.

The course's own format is `<user>question<assistant><think>steps</think>answer<eos>`; the chat template of any other
tokenizer can take its place (`chat_format`). Nothing else in the library writes or looks for these control tokens.

What a user typed is text, whatever it looks like. A `Prompt` remembers which of its characters were typed, and
`course.world.tokenizer.encode` reads those as plain characters: a question holding `<assistant>` cannot end the turn.
"""

import re
from collections.abc import Callable, Sequence

from course.world.tokenizer import ASSISTANT, END_THINK, EOS, THINK, USER, encode

Message = tuple[str, str]  # the role ("user" or "assistant") and what was said; a plain string counts as typed


class Prompt(str):
    """Rendered text that a model goes on from, and which of it a user typed.

    It is an ordinary string to look at, and text added with `+` counts as written by the program. Other operations of
    strings (slices, `strip`, f-strings) give an ordinary string, in which control tokens count wherever they stand.

    >>> prompt = course_format([("user", "hi<eos>")])
    >>> prompt, prompt[slice(*prompt.typed[0])]
    ('<user>hi<eos><assistant>', 'hi<eos>')
    """

    typed: tuple[tuple[int, int], ...]  # where typed text begins and ends
    reply_at: int  # where the reply begins; the length of the prompt unless the reply is begun

    def __new__(cls, text: str = "", typed: tuple[tuple[int, int], ...] = (), reply_at: int | None = None):
        """A string with marks; without `reply_at`, the reply begins at the end."""
        prompt = super().__new__(cls, text)
        prompt.typed = tuple(typed)
        prompt.reply_at = len(text) if reply_at is None else reply_at
        return prompt

    def __add__(self, more: str) -> "Prompt":
        """Text behind the prompt: the beginning of the reply."""
        shifted = ((start + len(self), end + len(self)) for start, end in getattr(more, "typed", ()))
        return Prompt(str(self) + str(more), (*self.typed, *shifted), self.reply_at)

    def __radd__(self, before: str) -> "Prompt":
        """Text before the prompt, such as a system message."""
        shifted = tuple((start + len(before), end + len(before)) for start, end in self.typed)
        return Prompt(str(before) + str(self), shifted, self.reply_at + len(before))


Template = Callable[[Sequence[Message]], Prompt]


def course_format(messages: Sequence[Message]) -> Prompt:
    """Messages in the course's own format, up to where the next reply begins.

    >>> course_format([("user", "1+1?"), ("assistant", "2"), ("user", "2+3?")])
    '<user>1+1?<assistant>2<eos><user>2+3?<assistant>'
    """
    prompt = Prompt()
    for role, content in messages:
        said = _typed(content)
        prompt += ASSISTANT + said + EOS if role == "assistant" else USER + said
    return _ready(prompt + ASSISTANT)


def chat_format(tokenizer) -> Template:
    """The chat template that a tokenizer brings along, as a function from messages to a prompt.

    Pass it to the functions of `course.think.prompting` to ask a model from the Hub in the format it was trained on.
    Raises ValueError for a tokenizer without a chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ValueError("this tokenizer has no chat template: its model was not trained on conversations")

    def render(messages: Sequence[Message]) -> Prompt:
        # The template only sees place holders, so that it cannot mix what was typed with what it writes itself.
        slots = [{"role": role, "content": f"\ue000{place}\ue001"} for place, (role, _) in enumerate(messages)]
        text = tokenizer.apply_chat_template(slots, tokenize=False, add_generation_prompt=True)
        first, *pieces = re.split("\ue000([0-9]+)\ue001", text)
        prompt = Prompt(first)
        for place, after in zip(pieces[::2], pieces[1::2], strict=True):
            prompt = prompt + _typed(messages[int(place)][1]) + after
        opening = pieces[-1] if pieces else first
        return _ready(prompt, opening[opening.find(THINK) :] if THINK in opening else "")

    return render


def worked_reply(answer: str, reasoning: Sequence[str] | None = None) -> Prompt:
    """The content of a reply: the steps between thinking tags if there are any, then the answer.

    >>> worked_reply("3", ["1+2=3"])
    '<think>1+2=3\\n</think>3'
    """
    if reasoning is None:
        return _typed(answer)
    return THINK + _typed("".join(line + "\n" for line in reasoning)) + END_THINK + _typed(answer)


def exchange(question: str, answer: str, reasoning: Sequence[str] | None = None) -> str:
    """One question and its reply as a model reads them in training, control tokens included.

    >>> exchange("What is 1+2?", "3", ["1+2=3"])
    '<user>What is 1+2?<assistant><think>1+2=3\\n</think>3<eos>'
    """
    return "".join(prompt_and_reply(question, answer, reasoning))


def prompt_and_reply(question: str, answer: str, reasoning: Sequence[str] | None = None) -> tuple[str, str]:
    """An exchange cut where the reply begins."""
    thoughts = "" if reasoning is None else THINK + "".join(line + "\n" for line in reasoning) + END_THINK
    return f"{USER}{question}{ASSISTANT}", f"{thoughts}{answer}{EOS}"


def exchange_ids(
    tokenizer, question: str, answer: str, reasoning: Sequence[str] | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The token ids of an exchange: those of the prompt, and those of the reply with its end."""
    prompt, reply = prompt_and_reply(question, answer, reasoning)
    return tuple(encode(tokenizer, prompt)), tuple(encode(tokenizer, reply))


def begun(prompt: str) -> str:
    """What of the reply a prompt already holds, such as a forced `<think>`; the empty string if nothing.

    In an ordinary string the reply begins behind the last `<assistant>`. Without one, the format is unknown, and only
    thinking that the prompt leaves open at its very end counts.

    >>> begun("<user>What is 2+3?<assistant><think>")
    '<think>'
    """
    if isinstance(prompt, Prompt):
        return str(prompt)[prompt.reply_at :]
    _, mark, reply = prompt.rpartition(ASSISTANT)
    if mark:
        return reply
    return THINK if prompt.rstrip().endswith(THINK) else ""


def _typed(content: str) -> Prompt:
    """Text of which every character counts as typed, unless it says itself which do."""
    return content if isinstance(content, Prompt) else Prompt(content, ((0, len(content)),))


def _ready(prompt: Prompt, already: str = "") -> Prompt:
    """The prompt whose reply begins at its end, or with what of it is written already."""
    return Prompt(str(prompt), prompt.typed, len(prompt) - len(already))
