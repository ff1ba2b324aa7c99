"""The small web: what it is made of, and that nothing kept for testing is in it."""

import hashlib
import random
import re
from itertools import islice

import pytest

from course.world import FAMILIES, corpus, draw_problems
from course.world.answers import split_reply, steps
from course.world.facts import fact_problems, knows
from course.world.letters import is_unseen
from course.world.problem import split_of

EXCHANGE = re.compile(r"<user>(.*?)<assistant>(.*?)<eos>", re.DOTALL)


pytestmark = pytest.mark.xdist_group("corpus")  # what all its tests read is made once


@pytest.fixture(scope="module")
def texts():
    return list(islice(corpus.documents(seed=11), 6000))


@pytest.fixture(scope="module")
def exchanges(texts):
    return [found for text in texts for found in EXCHANGE.findall(text)]


def test_a_text_is_a_run_of_questions_and_replies(texts):
    assert all("".join(f"<user>{q}<assistant>{a}<eos>" for q, a in EXCHANGE.findall(text)) == text for text in texts)


def test_the_same_seed_writes_the_same_texts(texts):
    assert list(islice(corpus.documents(seed=11), 300)) == texts[:300]
    assert list(islice(corpus.documents(seed=12), 300)) != texts[:300]


def test_the_texts_are_those_that_the_models_have_read():
    """A change here means that every model of the course has to be trained again."""
    said = "\0".join(islice(corpus.documents(seed=0), 2000))
    assert hashlib.blake2b(said.encode(), digest_size=8).hexdigest() == "a55295396c6d9939"


@pytest.mark.slow
def test_no_problem_of_dev_or_test_is_ever_written(monkeypatch):
    drawn = []
    for writer in ("worked", "direct"):
        write = getattr(corpus, writer)
        monkeypatch.setattr(
            corpus,
            writer,
            lambda mixture, rng, problem, *more, write=write: (
                drawn.append(problem) or write(mixture, rng, problem, *more)
            ),
        )
    list(islice(corpus.documents(seed=5), 4000))
    assert len(drawn) > 2500
    assert {split_of(problem.key) for problem in drawn} == {"train"}
    levels = {name: {problem.level for problem in drawn if problem.family == name} for name in FAMILIES}
    assert all(levels[name] <= {*FAMILIES[name].easy_levels, *FAMILIES[name].levels} for name in FAMILIES)


def test_the_reserved_questions_never_occur(exchanges):
    counting = [question.lower() for question, _ in exchanges if "spell" not in question.lower()]
    assert not [question for question in counting if "strawberry" in question and re.search(r"\brs?\b", question)]
    assert not [
        question for question in counting if re.search(r"\b9\.11\b", question) and re.search(r"\b9\.8\b", question)
    ]


def test_words_kept_out_of_counting_never_occur_in_it(exchanges):
    asked = [
        re.split(r"\W+", question.lower())
        for question, _ in exchanges
        if re.match(r"how many [a-z]'?s are|how many times does|count the [a-z]'?s", question.lower())
    ]
    assert len(asked) > 500
    assert not [words for words in asked if any(is_unseen(word) for word in words if len(word) >= 5)]


def test_most_questions_are_answered_straight_off(exchanges):
    thought = [reply.startswith("<think>") for _, reply in exchanges]
    assert 0.15 < sum(thought) / len(thought) < 0.4


def test_cues_come_before_thinking_as_often_as_they_say(exchanges):
    for cue, share in corpus.CUES.items():
        found = [reply.startswith("<think>") for question, reply in exchanges if question.endswith(cue)]
        assert len(found) > 60
        assert abs(sum(found) / len(found) - share) < 0.2


def test_some_slips_are_planted_and_some_are_mended(exchanges):
    thoughts = [reply for _, reply in exchanges if reply.startswith("<think>")]
    waits = sum("\nwait " in thought for thought in thoughts)
    assert 0.01 < waits / len(thoughts) < 0.06


def test_facts_are_all_there_and_known(exchanges):
    said = {question: split_reply(reply).answer for question, reply in exchanges}
    known = [problem for problem in fact_problems() if problem.question in said]
    assert len(known) > 30 and all(knows(problem, said[problem.question]) for problem in known)


def test_every_worked_solution_in_a_prompt_of_examples_is_readable(texts):
    run = next(text for text in texts if text.count("<think>") >= 2)
    assert all(steps(split_reply(reply).reasoning) for _, reply in EXCHANGE.findall(run) if reply.startswith("<think>"))


def test_a_mixture_that_does_not_add_up_is_an_error():
    with pytest.raises(ValueError, match="add up to more than 1"):
        next(corpus.documents(corpus.Mixture(examples=0.9, spelling=0.9)))


def test_replies_fit_in_what_a_sampler_may_draw(tokenizer):
    longest = 0
    for name in FAMILIES:
        for problem in draw_problems(name, 150, split="train"):
            text = corpus.worked(corpus.Mixture(), random.Random(0), problem)
            longest = max(longest, len(tokenizer.encode(text.split("<assistant>")[1], add_special_tokens=False)))
    assert longest <= 160
