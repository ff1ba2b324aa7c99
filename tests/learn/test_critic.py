"""The critic: errors that are put in are errors, its loss by hand, its findings, and any text as its critique."""

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.learn import critic, reward_models
from course.learn.critic import (
    again,
    corrections,
    critic_example,
    critic_examples,
    critic_loss,
    critic_scorer,
    critique,
    digit,
    findings,
    first_wrong,
    objection_logits,
    objections,
    read_correction,
    skip,
    slip,
    tampered_solution,
)
from course.learn.reward_models import batches, collate
from course.learn.training import TrainingConfig, train
from course.model import Completion, load
from course.model.moe import Experts
from course.model.transformer import ModelConfig
from course.think.prompting import direct, force_thinking
from course.world import FAMILIES, cups, draw_problems, sums
from course.world.tokenizer import END_THINK, encode, load_tokenizer
from tests.learn.rollouts import small
from tests.learn.test_step_labels import drawn

TOKENIZER = load_tokenizer()
GAME = cups.ask(4, ((1, 3), (2, 4), (2, 3), (5, 2)))
RIGHT = ["start: 4", "1-3: 4", "2-4: 2", "2-3: 3", "5-2: 3"]
SUM = sums.ask((2, 3, 4))
MODELS = {
    "dense": small(0),
    "experts": small(
        0, ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, experts=Experts(count=4, intermediate_size=16))
    ),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


# --- errors that are put in


def at(family, problem, done):
    """The state after so many right lines, and these."""
    state, lines = family.begin(problem), family.solution(problem)[:done]
    for line in lines:
        _, state = family.follow(problem, state, line)
    return state, lines


def test_kinds_of_errors_are_what_they_are_called():
    family, rng = FAMILIES["cups"], random.Random(0)
    state, before = at(family, GAME, 2)
    assert {slip(family, GAME, state, before, rng) for _ in range(20)} == {"2-4: 4"}
    assert skip(family, GAME, state, before, rng) == "2-3: 3" and again(family, GAME, state, before, rng) == "1-3: 4"
    found = {digit(family, GAME, state, before, rng) for _ in range(600)}
    assert len(found) == 27 and all(sum(a != b for a, b in zip(one, "2-4: 2", strict=True)) == 1 for one in found)
    state, before = at(family, GAME, 5)
    assert [kind(family, GAME, state, before, rng) for kind in (slip, digit, skip)] == [None] * 3
    state, before = at(family, GAME, 4)
    assert skip(family, GAME, state, before, rng) is None and again(family, GAME, *at(family, GAME, 0), rng) is None


@pytest.mark.parametrize("name", FAMILIES)
def test_a_solution_has_as_many_errors_as_were_asked_for_or_fewer(name):
    family, rng = FAMILIES[name], random.Random(0)
    counts = {0: [], 1: []}
    for problem in draw_problems(name, 60):
        for errors, several in counts.items():
            verdicts = family.check_steps(problem, tampered_solution(family, problem, rng, None if errors else 0.0))
            several.append(verdicts.count(False))
    assert set(counts[0]) == {0} and set(counts[1]) <= {0, 1} and sum(counts[1]) > 10


def test_an_error_stands_anywhere_and_is_carried_forward():
    family, rng = FAMILIES["sums"], random.Random(0)
    places = set()
    for _ in range(200):
        lines = tampered_solution(family, SUM, rng, kinds=(slip,))
        verdicts = family.check_steps(SUM, lines)
        assert len(lines) == 3 and verdicts.count(False) == 1
        place = verdicts.index(False)
        places.add(place)
        if place < 2:
            assert lines[place + 1].startswith(lines[place].partition("=")[2] + "+")
    assert places == {0, 1, 2}


def test_a_share_of_lines_goes_wrong():
    family, rng = FAMILIES["sums"], random.Random(0)
    verdicts = [
        verdict
        for problem in draw_problems("sums", 300)
        for verdict in family.check_steps(problem, tampered_solution(family, problem, rng, 0.25, kinds=(slip,)))
    ]
    share = verdicts.count(False) / len(verdicts)
    assert share == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / len(verdicts)))
    assert family.check_steps(SUM, tampered_solution(family, SUM, rng, 1.0, kinds=(slip,))) == [False] * 3


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_beyond_all_lines_is_refused(share):
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        tampered_solution(FAMILIES["cups"], GAME, random.Random(0), share)


def test_a_solution_that_never_gets_on_ends():
    lines = tampered_solution(FAMILIES["cups"], GAME, random.Random(0), 1.0, kinds=(lambda *args: "nonsense",))
    assert lines == ["nonsense"] * 26


# --- what it reads


def test_a_critic_reads_every_line_and_is_told_of_each_whether_it_is_right():
    lines = ["start: 4", "1-3: 4", "2-4: 4", "2-3: 4", "5-2: 3"]
    found = critic_example(TOKENIZER, GAME, lines)
    assert list(found.prompt) == encode(TOKENIZER, force_thinking(GAME.question))
    assert TOKENIZER.decode(found.reply) == "".join(line + "\n" for line in lines)
    ends = [TOKENIZER.decode(found.reply[: place + 1]) for place in found.places]
    assert ends == ["".join(line + "\n" for line in lines[:count]) for count in range(1, 6)]
    assert found.labels == (1, 1, 0, 1, 0)
    assert list(critic_example(TOKENIZER, GAME, lines, direct).prompt) == encode(TOKENIZER, direct(GAME.question))


def test_control_tokens_in_a_solution_are_text():
    found = critic_example(TOKENIZER, GAME, ["start: 4", f"{END_THINK}4<eos>"])
    assert not {0, 1, 2, 3, 4, 5} & set(found.reply) and found.labels == (1, 0)
    with pytest.raises(ValueError, match="never read 'é'"):
        critic_example(TOKENIZER, GAME, ["é"])
    with pytest.raises(ValueError, match="without lines"):
        critic_example(TOKENIZER, GAME, [])


def test_half_of_what_it_learns_from_is_clean():
    problems = draw_problems("cups", 200, split="train")
    found = critic_examples(TOKENIZER, problems, kinds=(slip,))
    clean = sum(0 not in one.labels for one in found)
    assert 75 < clean < 135  # of those with errors a few have none
    assert found == critic_examples(TOKENIZER, problems, kinds=(slip,))
    assert found != critic_examples(TOKENIZER, problems, kinds=(slip,), seed=1)
    assert all(0 not in one.labels for one in critic_examples(TOKENIZER, problems[:30], clean=1.0))
    rest = critic_examples(TOKENIZER, problems, clean=0.0, share=1.0, kinds=(slip,))
    assert all(set(one.labels[1:]) == {0} for one in rest)  # where a game starts, there is no slip
    assert [TOKENIZER.decode(one.prompt) for one in found] == [force_thinking(one.question).lower() for one in problems]


# --- the loss


def test_an_objection_is_the_odds_of_the_token_that_begins_wait():
    token = encode(TOKENIZER, "wait ")[0]
    logits = torch.randn(3, 512, generator=torch.Generator().manual_seed(0))
    chances = logits.softmax(-1)[:, token]
    assert torch.allclose(objection_logits(logits).sigmoid(), chances, atol=1e-6)
    assert objection_logits(logits.log_softmax(-1))[0].item() == pytest.approx(
        math.log(chances[0] / (1 - chances[0])), abs=1e-4
    )


def test_the_loss_is_the_cross_entropy_of_objecting_to_wrong_lines(model):
    token = encode(TOKENIZER, "wait ")[0]
    several = [critic_example(TOKENIZER, GAME, ["start: 4", "1-3: 3"]), critic_example(TOKENIZER, SUM, ["0+2=2"])]
    by_hand = []
    for one in several:
        logits = model(torch.tensor([one.prompt + one.reply])).logits[0]
        for place, label in zip(one.places, one.labels, strict=True):
            chance = float(logits[len(one.prompt) + place].softmax(-1)[token].detach())
            by_hand.append(-math.log(1 - chance if label else chance))
    assert critic_loss(model, collate(several)).item() == pytest.approx(sum(by_hand) / 3, abs=1e-5)
    assert [label for one in several for label in one.labels] == [1, 0, 1]


# --- what it says


def test_objections_are_the_chances_behind_each_line_however_solutions_are_batched(model, monkeypatch):
    token = encode(TOKENIZER, "wait ")[0]
    problems, solutions = [GAME, SUM, GAME, SUM], [RIGHT, ["0+2=2"], [], ["0+2=2", "2+3=6"]]
    found = objections(model, TOKENIZER, problems, solutions)
    assert [len(one) for one in found] == [5, 1, 0, 2]
    for problem, lines, several in zip(problems, solutions, found, strict=True):
        for count, chance in enumerate(several, 1):
            text = force_thinking(problem.question) + "".join(line + "\n" for line in lines[:count])
            logits = model(torch.tensor([encode(TOKENIZER, text)])).logits[0, -1]
            assert chance == pytest.approx(float(logits.softmax(-1)[token].detach()), rel=1e-3, abs=1e-9)
    monkeypatch.setattr(reward_models, "TOKENS_AT_ONCE", 40)
    for one, other in zip(found, objections(model, TOKENIZER, problems, solutions), strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    with pytest.raises(ValueError):
        objections(model, TOKENIZER, problems, solutions[:3])


def test_the_first_line_above_the_threshold_is_the_verdict(monkeypatch):
    said = [[0.1, 0.6, 0.9], [0.1, 0.5], [], [0.7]]
    monkeypatch.setattr(critic, "objections", lambda *args: said)
    assert critique(small(), TOKENIZER, [GAME] * 4, [RIGHT] * 4) == [1, None, None, 0]
    assert critique(small(), TOKENIZER, [GAME] * 4, [RIGHT] * 4, threshold=0.8) == [2, None, None, None]
    assert critique(small(), TOKENIZER, [GAME] * 4, [RIGHT] * 4, threshold=0.05) == [0, 0, None, 0]
    for threshold in (0, 1, -0.5, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            critique(small(), TOKENIZER, [GAME] * 4, [RIGHT] * 4, threshold=threshold)


def test_a_score_is_the_chance_of_no_objection(monkeypatch):
    asked = []
    monkeypatch.setattr(critic, "objections", lambda *args: asked.append(args) or [[0.1, 0.5], []])
    several = [drawn(f"0+2=2\n2+3=5\n{END_THINK}5", ask=force_thinking), drawn("9")]
    assert critic_scorer(small(), TOKENIZER)(several) == pytest.approx([0.45, 0.0])
    assert asked[0][3] == [["0+2=2", "2+3=5"], []] and asked[0][2] == [one.problem for one in several]
    assert asked[0][4] is force_thinking


def test_findings_count_each_kind_of_verdict():
    found = findings([2, 1, None, 0, None, 3, None], [2, 2, 2, 0, None, None, None])
    assert (found.found.right, found.found.total) == (2, 4)
    assert (found.misplaced.right, found.misplaced.total) == (1, 4)
    assert (found.false_alarms.right, found.false_alarms.total) == (1, 3)
    with pytest.raises(ValueError, match="at least one mark"):
        findings([None], [None])


def test_the_first_wrong_line_is_the_oracle_s():
    assert first_wrong(GAME, RIGHT) is None and first_wrong(GAME, []) is None
    assert first_wrong(GAME, [*RIGHT[:2], "2-4: 4", "x"]) == 2


# --- what it writes


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2-5: 5\n3-4: 5\n", "2-5: 5"),
        (" 8*5-3=37 37? no \n", "8*5-3=37 37? no"),
        ("r 1\n", "r 1"),
        ("9.10 vs 9.80\n", "9.10 vs 9.80"),
        ("2-5: 5", None),
        ("\n", None),
        (" \n", None),
        ("x" * 41 + "\n", None),
        ("x" * 40 + "\n", "x" * 40),
        ("<think>\n", "<think>"),  # text like any other: the oracle cannot read it
        ("__import__('os')\n", None),
        ("2-5: 5\x00\n", None),
    ],
)
def test_a_correction_is_a_line_of_the_world_s_signs(text, line):
    assert read_correction(text) == line


@settings(deadline=None)
@given(st.text())
def test_any_text_is_safe_as_a_correction(text):
    assert read_correction(text) is None or read_correction(text) in text


def test_a_correction_is_written_behind_wait_at_the_wrong_line(monkeypatch):
    asked = []

    def write(model, tokenizer, prompts, **how):
        asked.extend(prompts)
        assert how == {"max_new_tokens": 24, "temperature": 0.0, "seed": 0}
        return [[Completion("2-4: 2\n2-3", [5], [0.0], False)], [Completion("nonsense", [5], [0.0], False)]]

    monkeypatch.setattr(critic, "generate", write)
    lines = ["start: 4", "1-3: 4", "2-4: 4", "2-3: 4"]
    found = corrections(small(), TOKENIZER, [GAME, SUM], [lines, ["0+2=<eos>"]], [2, 0])
    assert found == ["2-4: 2", None]
    assert asked[0] == force_thinking(GAME.question) + "start: 4\n1-3: 4\n2-4: 4\nwait "
    assert 1 not in encode(TOKENIZER, asked[1])  # the end that stands in the line is text


@pytest.mark.slow
def test_a_critic_learns_to_find_errors_that_were_put_in():
    model, tokenizer = load("mini-careful")
    examples = critic_examples(tokenizer, draw_problems("cups", 1500, split="train"), kinds=(slip,))
    problems, rng = draw_problems("cups", 80), random.Random(1)
    solutions = [
        tampered_solution(FAMILIES["cups"], one, rng, None if place % 2 else 0.0, (slip,))
        for place, one in enumerate(problems)
    ]
    true = [first_wrong(*one) for one in zip(problems, solutions, strict=True)]
    before = findings(critique(model, tokenizer, problems, solutions), true)
    config = TrainingConfig(steps=60, rows=24, length=128, learning_rate=1.5e-3, warmup=5)
    for _ in train(model, batches(examples, 24), config, loss=critic_loss):
        pass
    after = findings(critique(model, tokenizer, problems, solutions), true)
    assert after.found.mean > before.found.mean + 0.2 and after.false_alarms.mean <= 0.1
