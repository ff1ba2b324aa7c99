"""Labels: every step is labelled at its own end however odd the reply, and rollouts estimate what can be saved."""

import random
from dataclasses import replace

import pytest
import torch

from course.learn import step_labels
from course.learn.step_labels import (
    Labelled,
    harden,
    outcome_labels,
    process_labels,
    rollout_labels,
    step_places,
)
from course.model import Completion, generate, load
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout, read_reply
from course.world import FAMILIES, draw_problems, sums
from course.world.answers import steps
from course.world.conversation import begun
from course.world.problem import solve
from course.world.tokenizer import END_THINK, THINK, encode, load_tokenizer

TOKENIZER = load_tokenizer()
PROBLEM = sums.ask((2, 3, 4))


def drawn(text, problem=PROBLEM, ask=direct, finished=True):
    """A reply as if a model had drawn it."""
    ids = encode(TOKENIZER, text) + [TOKENIZER.eos_token_id] * finished
    completion = Completion(text, ids, [0.0] * len(ids), finished)
    return Rollout(problem, read_reply(ask(problem.question), completion), completion)


def marked(one, places):
    """The reply's text up to and with each place."""
    return [TOKENIZER.decode(one.completion.token_ids[: place + 1]) for place in places]


ODD = {
    "a worked reply": (f"{THINK}0+2=2\n2+3=5\n5+4=9\n{END_THINK}9", ["0+2=2\n", "2+3=5\n", "5+4=9\n"]),
    "empty lines": (f"{THINK}\n\n0+2=2\n\n \n 2+3=5 \n{END_THINK}9", ["0+2=2\n", "2+3=5 \n"]),
    "no last line end": (f"{THINK}0+2=2\n2+3=5{END_THINK}5", ["0+2=2\n", "2+3=5"]),
    "a space there": (f"{THINK}0+2=2\n2+3=5 {END_THINK}5", ["0+2=2\n", "2+3=5"]),
    "no thoughts": ("9", []),
    "empty thoughts": (f"{THINK}{END_THINK}9", []),
    "blank thoughts": (f"{THINK}\n \n{END_THINK}9", []),
    "thoughts never opened": (f"0+2=2\n2+3=5\n{END_THINK}5", ["0+2=2\n", "2+3=5\n"]),
    "opened twice": (f"{THINK}0+2=2\n{THINK}2+3=5\n{END_THINK}5", ["0+2=2\n", "2+3=5\n"]),
    "opened within a line": (f"{THINK}0+2{THINK}=2\n{END_THINK}2", [f"0+2{THINK}=2\n"]),
    "opened behind a line": (f"{THINK}0+2=2{THINK}\n{END_THINK}2", [f"0+2=2{THINK}\n"]),
    "closed twice": (f"{THINK}0+2=2\n{END_THINK}2\n{END_THINK}3", ["0+2=2\n", f"{END_THINK}2\n"]),
    "never closed": (f"{THINK}0+2=2\n2+3=5\n", ["0+2=2\n", "2+3=5\n"]),
    "never closed, opened twice": (f"{THINK}0+2=2\n{THINK}2+3=5\n", ["0+2=2\n", f"{THINK}2+3=5\n"]),
    "a line before the thoughts": (f"well\n{THINK}0+2=2\n{END_THINK}2", ["well\n", "0+2=2\n"]),
    "lines behind the thoughts": (f"{THINK}0+2=2\n{END_THINK}2\n3\n", ["0+2=2\n"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(("text", "ends"), ODD.values(), ids=ODD)
def test_a_step_ends_with_its_line(text, ends, finished):
    if not text and not finished:
        text, ends = "\n", []
    one = drawn(text, finished=finished)
    found = marked(one, step_places(TOKENIZER, one))
    assert len(found) == len(ends) == len(steps(one.reply.reasoning))
    assert all(said.endswith(end) for said, end in zip(found, ends, strict=True)), found


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_truncated_reply_has_its_steps_too(cut):
    ids = encode(TOKENIZER, f"{THINK}0+2=2\n\n2+13=15\n 15+4=9\n{END_THINK}9")[:cut]
    completion = Completion(TOKENIZER.decode(ids), ids, [0.0] * len(ids), False)
    one = Rollout(PROBLEM, read_reply(direct(PROBLEM.question), completion), completion)
    found = step_places(TOKENIZER, one)
    assert len(found) == len(steps(one.reply.reasoning))
    said = marked(one, found)
    whole = [end for end in ("0+2=2\n", "2+13=15\n", "15+4=9\n") if end in completion.text]
    assert all(one.endswith(end) for one, end in zip(said, whole, strict=False))
    assert not said[len(whole) :] or said[len(whole) :] == [completion.text.rstrip()]


PIECES = (THINK, END_THINK, "\n", " ", "0+2=2", "x", "<eos>", "<pad>", "2+3=5\n", "\n\n")


@pytest.mark.parametrize("ask", [direct, force_thinking])
def test_places_are_those_of_the_steps_in_any_mixture_of_tags_and_lines(ask):
    rng = random.Random(0)
    for _ in range(400):
        one = drawn("".join(rng.choices(PIECES, k=rng.randrange(1, 10))), ask=ask, finished=rng.random() < 0.5)
        places, lines = step_places(TOKENIZER, one, ask), steps(one.reply.reasoning)
        assert len(places) == len(lines) and sorted(set(places)) == places
        said = [begun(ask(PROBLEM.question)) + text for text in marked(one, places)]
        for text, line in zip(said, lines, strict=True):
            assert text.replace(THINK, "").rstrip().endswith(line.replace(THINK, "").strip()), (one, text, line)


def test_thoughts_that_the_prompt_began_have_their_steps_in_the_reply():
    one = drawn(f"0+2=2\n2+3=5\n{END_THINK}5", ask=force_thinking)
    assert marked(one, step_places(TOKENIZER, one, force_thinking)) == ["0+2=2\n", "0+2=2\n2+3=5\n"]


def test_a_reply_drawn_otherwise_is_refused():
    one = drawn(f"0+2=2\n{END_THINK}2", ask=force_thinking)
    with pytest.raises(ValueError, match="give the `ask` that it was drawn with"):
        step_places(TOKENIZER, one)
    with pytest.raises(ValueError, match="give the `ask` that it was drawn with"):
        step_places(TOKENIZER, drawn(f"{THINK}0+2=2\n"), lambda question: direct(question) + "1" + THINK)


def test_a_step_in_the_prompt_or_tokens_of_another_text_are_refused():
    def ask(question):
        return force_thinking(question) + "0+2=2\n2"

    one = drawn(f"+3=5\n{END_THINK}5", ask=ask)
    with pytest.raises(ValueError, match="ends in its prompt"):
        step_places(TOKENIZER, one, ask)
    one = drawn(f"{THINK}0+2=2\n{END_THINK}2")
    other = replace(one, completion=replace(one.completion, token_ids=encode(TOKENIZER, "0+2=2\n2") + [1]))
    with pytest.raises(ValueError, match="do not add up to its text"):
        step_places(TOKENIZER, other)


# --- what stands at the places


def test_an_outcome_labels_every_token_or_the_last():
    for text, right in ((f"{THINK}0+2=2\n{END_THINK}9", 1.0), ("8", 0.0)):
        one = drawn(text)
        every, last = outcome_labels(TOKENIZER, one), outcome_labels(TOKENIZER, one, last_only=True)
        n = one.tokens
        assert every.places == tuple(range(n)) and every.labels == (right,) * n
        assert last.places == (n - 1,) and last.labels == (right,)
        assert list(every.reply) == one.completion.token_ids == list(last.reply)
        assert list(every.prompt) == encode(TOKENIZER, direct(PROBLEM.question)) == list(last.prompt)
    assert outcome_labels(TOKENIZER, drawn("9", finished=False)).labels == (0.0,)  # truncated: no answer


WRONG = f"{THINK}0+2=2\n2+3=6\n6+4=10\n10+4=2\n{END_THINK}9"


def test_a_process_labels_up_to_the_first_error_or_all():
    one = drawn(WRONG)
    places = step_places(TOKENIZER, one)
    first, every = process_labels(TOKENIZER, one), process_labels(TOKENIZER, one, first_error_only=False)
    assert first.places == tuple(places[:2]) and first.labels == (1.0, 0.0)
    assert every.places == tuple(places) and every.labels == (1.0, 0.0, 1.0, 0.0)
    assert process_labels(TOKENIZER, drawn("9")).places == ()
    forced = drawn(WRONG.removeprefix(THINK), ask=force_thinking)
    assert list(process_labels(TOKENIZER, forced, force_thinking).prompt)[-1] == encode(TOKENIZER, THINK)[0]


def test_a_slip_that_was_mended_is_no_error_if_told_so():
    one = drawn(f"{THINK}0+2=2\n2+3=6\nwait 2+3=5\n5+4=8\nwait 5+4=7\n{END_THINK}9")
    places = step_places(TOKENIZER, one)
    found = [process_labels(TOKENIZER, one, first_error_only=first, skip_mended=True) for first in (True, False)]
    assert found[0].places == (places[0], places[2], places[3]) and found[0].labels == (1, 1, 0)
    assert found[1].places == (places[0], places[2], places[3], places[4]) and found[1].labels == (1, 1, 0, 0)
    assert process_labels(TOKENIZER, one).labels == (1, 0)


def test_the_oracle_s_own_solutions_are_right_at_every_line_end():
    for name, family in FAMILIES.items():
        for problem in draw_problems(name, 5):
            lines = family.solution(problem)
            one = drawn(THINK + "".join(line + "\n" for line in lines) + END_THINK + problem.answer, problem)
            found = process_labels(TOKENIZER, one)
            assert found.labels == (1.0,) * len(lines)
            assert all(found.reply[place] == encode(TOKENIZER, "\n")[0] for place in found.places)


@pytest.mark.parametrize(
    ("places", "labels", "message"),
    [
        ((1, 0), (1.0, 1.0), "places ascend"),
        ((0, 0), (1.0, 1.0), "places ascend"),
        ((2,), (1.0,), "within a reply of 2 tokens"),
        ((-1,), (1.0,), "within a reply of 2 tokens"),
        ((0, 1), (1.0,), "each of 2 places"),
        ((0,), (1.1,), "a label from 0 to 1"),
        ((0,), (-0.1,), "a label from 0 to 1"),
        ((0,), (float("nan"),), "a label from 0 to 1"),
    ],
)
def test_labels_that_are_none_are_refused(places, labels, message):
    with pytest.raises(ValueError, match=message):
        Labelled((5,), (6, 7), places, labels)


def test_a_labelled_reply_has_a_prompt_and_a_reply():
    for prompt, reply in (((), (1,)), ((1,), ())):
        with pytest.raises(ValueError, match="at least one token each"):
            Labelled(prompt, reply, (), ())
    assert len(Labelled((5, 6), (7, 8, 9), (), ())) == 5


# --- rollouts


@pytest.fixture(scope="module")
def base():
    return load("mini-base")


def replies(n, seed=0):
    """Worked solutions of sums, every other one with a slip, as `force_thinking` would have drawn them."""
    rng, found = random.Random(seed), []
    for number, problem in enumerate(draw_problems("sums", n, level=5, split="train", seed=seed)):
        lines, answer = solve(FAMILIES["sums"], problem, rng, slip=number % 2)
        text = "".join(line + "\n" for line in lines) + END_THINK + (answer or "1")
        found.append(drawn(text, problem, force_thinking))
    return found


def test_a_greedy_rollout_label_is_what_the_model_says_from_each_step_on(base):
    model, tokenizer = base
    several = replies(8)
    found = rollout_labels(model, tokenizer, several, force_thinking, samples=1, temperature=0.0, seed=0)
    tokens, expected = 0, []
    for one in several:
        lines = steps(one.reply.reasoning)
        for done in range(1, len(lines) + 1):
            prompt = force_thinking(one.problem.question) + "".join(line + "\n" for line in lines[:done])
            ((said,),) = generate(model, tokenizer, [prompt], temperature=0.0, seed=1)
            tokens += len(said.token_ids)
            expected.append(float(said.text.rpartition(END_THINK)[2] == one.problem.answer and said.finished))
    assert [label for one in found.labelled for label in one.labels] == expected
    assert 0.2 < sum(expected) / len(expected) < 0.95  # both happen
    assert found.tokens == tokens
    for one, labelled in zip(several, found.labelled, strict=True):
        assert list(labelled.places) == step_places(tokenizer, one, force_thinking)
        assert list(labelled.reply) == one.completion.token_ids


def test_soft_labels_are_shares_and_hard_ones_whether_there_is_any(base):
    model, tokenizer = base
    several = replies(6, seed=1)
    settings = {"samples": 5, "seed": 3, "temperature": 1.5}
    soft = rollout_labels(model, tokenizer, several, force_thinking, hard=False, **settings)
    hard = rollout_labels(model, tokenizer, several, force_thinking, **settings)
    shares = {label for one in soft.labelled for label in one.labels}
    assert shares <= {0, 0.2, 0.4, 0.6, 0.8, 1} and len(shares) > 2
    assert [harden(one) for one in soft.labelled] == hard.labelled and hard.tokens == soft.tokens
    assert {label for one in hard.labelled for label in one.labels} == {0, 1}


def test_a_beginning_that_comes_again_is_gone_on_from_once(base):
    model, tokenizer = base
    (one,) = replies(1)
    found = rollout_labels(model, tokenizer, [one, one], force_thinking, samples=2, hard=False, seed=0)
    alone = rollout_labels(model, tokenizer, [one], force_thinking, samples=2, hard=False, seed=0)
    assert found.tokens == alone.tokens and found.labelled == alone.labelled * 2


def test_a_reply_without_steps_costs_nothing(base):
    model, tokenizer = base
    found = rollout_labels(model, tokenizer, [drawn("9")], samples=2, seed=0)
    assert found.tokens == 0 and found.labelled[0].places == ()


@pytest.mark.parametrize(("q", "golden"), [(0.02, 0.149), (0.05, 0.337), (0.1, 0.570), (0.3, 0.942)])
def test_a_hard_label_of_a_step_saved_now_and_then_is_mostly_wrong(q, golden, monkeypatch):
    """1 - (1-q)^8: with every tenth rollout saved, more than half of all wrong steps are labelled right."""
    rng = random.Random(0)

    def luck(model, tokenizer, prompts, *, samples, max_new_tokens, temperature, seed):
        assert (samples, max_new_tokens, temperature, seed) == (8, 160, 1.0, 5)
        said = [
            Completion(f"{END_THINK}{35 if rng.random() < q else 1}", [5], [0.0], True) for _ in range(8 * len(prompts))
        ]
        return [said[8 * place : 8 * place + 8] for place in range(len(prompts))]

    monkeypatch.setattr(step_labels, "generate", luck)
    several = [
        drawn(
            f"{THINK}0+2=3\n{END_THINK}1",
            replace(PROBLEM, answer="35", given=(35,), question=f"{number}?", key=str(number)),
        )
        for number in range(800)
    ]
    found = rollout_labels(torch.nn.Identity(), TOKENIZER, several, seed=5)
    share = sum(one.labels[0] for one in found.labelled) / 800
    assert golden == pytest.approx(1 - (1 - q) ** 8, abs=1e-3)
    assert share == pytest.approx(golden, abs=4 * (golden * (1 - golden) / 800) ** 0.5)
    assert found.tokens == 8 * 800
