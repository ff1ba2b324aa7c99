"""Exam items: the same paper for a seed, and answers that an independent computation gives as well, over 200 seeds."""

import collections
import itertools
import math
import re
import statistics

import pytest

from course.teach.exam import KINDS, exam, key, paper

SEEDS = range(200)


def two(text):
    """The decimal numbers of an answer."""
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def near(answer, *expected):
    """Whether the numbers of an answer are these, as rounded to two decimals."""
    return len(two(answer)) == len(expected) and all(
        abs(one - other) <= 0.00501 for one, other in zip(two(answer), expected)
    )


def check_advantages(rewards):
    mean, spread = statistics.mean(rewards), statistics.stdev(rewards)
    return lambda answer: near(answer, (1 - mean) / spread, -mean / spread)


def check_leave_one_out(rewards):
    others = lambda place: statistics.mean(rewards[:place] + rewards[place + 1 :])  # noqa: E731
    good, bad = rewards.index(1), rewards.index(0)
    return lambda answer: near(answer, 1 - others(good), -others(bad))


def check_pass_at_k(n, c, k):
    draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
    return lambda answer: near(answer, sum(map(any, draws)) / len(draws))


def check_vote(answers, truth):
    ((most, votes), (_, fewer), *_) = collections.Counter(one for one in answers if one).most_common()
    assert votes > fewer, "one answer is ahead"
    return lambda answer: answer == f"{most}; it is {'right' if most == truth else 'wrong'}"


def check_divergence(teacher, student):
    assert math.isclose(sum(teacher), 1) and math.isclose(sum(student), 1)
    return lambda answer: near(answer, sum(p * math.log(p / q) for p, q in zip(teacher, student)))


def check_parameters(width, layers, experts, used, inside, vocab):
    def weights(number):
        layer = 4 * width**2 + 2 * width + width * experts + number * 3 * width * inside
        return vocab * width + layers * layer + width

    return lambda answer: answer == f"{weights(experts):,} in all, {weights(used):,} active"


def check_wrong_step(family, problem, steps):
    first = {"sums": first_wrong_sum, "cups": first_wrong_cup, "letters": first_wrong_letter}[family](problem, steps)
    return lambda answer: answer == f"line {first + 1}"


def first_wrong_sum(problem, steps):
    for place, line in enumerate(steps):
        first, second, result = map(int, re.fullmatch(r"(\d+)\+(\d+)=(\d+)", line).groups())
        if first + second != result:
            return place
    return None


def first_wrong_cup(problem, steps):
    assert re.fullmatch(r"start: \d", steps[0])
    for place, line in enumerate(steps[1:], 1):
        (one, other, result), before = re.findall(r"\d", line), steps[place - 1][-1]
        if {one: other, other: one}.get(before, before) != result:
            return place
    return None


def first_wrong_letter(problem, steps):
    word, letter = problem.given
    count = 0
    for place, line in enumerate(steps[1:], 1):
        seen, said = line.split()
        if seen != word[place - 1] or int(said) != count + (seen == letter):
            return place
        count = int(said)
    return None


def check_clip(ratio, advantage):
    clipped = min(max(ratio, 0.8), 1.2)
    value = min(ratio * advantage, clipped * advantage)
    says = "a gradient" if value == ratio * advantage else "no gradient"
    return lambda answer: near(answer, value) and answer.endswith(f"; {says}")


def check_routing(logits):
    first, second = sorted(range(4), key=lambda one: -logits[one])[:2]
    weight = 1 / (1 + math.exp(logits[second] - logits[first]))
    names = re.compile(rf"expert {first} with [\d.]+, expert {second} with [\d.]+")
    return lambda answer: names.fullmatch(answer) is not None and near(answer, weight, 1 - weight)


def check_token_weights(short, long):
    return lambda answer: near(answer, long / short, 1)


CHECKS = {
    "active parameters": check_parameters,
    "advantages": check_advantages,
    "clip": check_clip,
    "divergence": check_divergence,
    "leave one out": check_leave_one_out,
    "pass at k": check_pass_at_k,
    "routing": check_routing,
    "token weights": check_token_weights,
    "vote": check_vote,
    "wrong step": check_wrong_step,
}


@pytest.fixture(scope="module")
def papers():
    """The papers of all seeds, with every kind of item."""
    return {seed: exam(seed, len(KINDS)) for seed in SEEDS}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_answers_are_those_of_an_independent_computation(papers, kind):
    items = [item for items in papers.values() for item in items if item.kind == kind]
    assert len(items) == len(SEEDS)
    assert [item for item in items if not CHECKS[kind](**item.given)(item.answer)] == []
    assert len({item.question for item in items}) >= 12, "seeds make different items"


@pytest.mark.slow
def test_a_question_says_all_that_its_answer_needs_and_not_the_answer(papers):
    for items in papers.values():
        for item in items:
            values = [one for one in item.given.values() if isinstance(one, int | float | list)]
            told = [str(part) for value in values for part in (value if isinstance(value, list) else [value])]
            assert all(part in item.question or part == "None" or f"{float(part):g}" in item.question for part in told)
            assert item.answer not in item.question


def test_the_same_seed_gives_the_same_paper_and_another_seed_another_one():
    assert exam(7) == exam(7) != exam(8)
    assert len({item.kind for item in exam(7)}) == 8


def test_paper_and_key_are_apart():
    items = exam(7, len(KINDS))
    assert all(item.question in paper(items, 7) and item.way not in paper(items, 7) for item in items)
    assert all(item.answer in key(items, 7) and item.question not in key(items, 7) for item in items)


@pytest.mark.parametrize("items", [0, len(KINDS) + 1])
def test_more_items_than_kinds_are_refused(items):
    with pytest.raises(ValueError, match="1 to 10"):
        exam(0, items)
