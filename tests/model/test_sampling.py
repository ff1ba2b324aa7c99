"""Drawing replies: what must not matter does not, and what is drawn follows the probabilities it reports."""

import itertools
from types import SimpleNamespace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from course.model import generate, score
from course.model.logprobs import next_tokens
from course.model.sampling import draw, sampling_logprobs
from course.world import FAMILIES, draw_problems
from course.world.tokenizer import encode

QUESTIONS = [problem.question for family in FAMILIES for problem in draw_problems(family, 4, seed=5)]
PROMPTS = [f"<user>{question}<assistant>" for question in QUESTIONS] + ["<user>", "<user>hi<assistant><think>"]


@pytest.fixture(scope="module", params=[LlamaConfig, Qwen3Config])
def foreign(request):
    """A tiny random model of the Transformers library."""
    torch.manual_seed(0)
    config = request.param(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=256,
        eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    kind = {LlamaConfig: LlamaForCausalLM, Qwen3Config: Qwen3ForCausalLM}[request.param]
    model = kind(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3.0)
    return model


def ids(completions):
    return [[one.token_ids for one in group] for group in completions]


def same_draws_and_logprobs(found, expected):
    """Whether two lists of replies are the same to rounding, which tips a draw in no more than one row of twenty."""
    rows = list(zip(sum(found, []), sum(expected, []), strict=True))
    tipped = [row for row in rows if row[0].token_ids != row[1].token_ids]
    return len(tipped) <= len(rows) / 20 and all(map(agree_until_they_part, rows))


def agree_until_they_part(row):
    """Whether two replies report the same log-probs up to their first different token."""
    together = list(
        itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*(one.token_ids for one in row), strict=False))
    )
    mine, other = (torch.tensor(one.logprobs[: len(together)]) for one in row)
    return torch.allclose(mine, other, atol=1e-4)


def test_greedy_answers_do_not_depend_on_the_rest_of_the_batch_or_its_order(model, tokenizer):
    together = generate(model, tokenizer, PROMPTS, temperature=0, max_new_tokens=40, seed=0)
    backwards = generate(model, tokenizer, PROMPTS[::-1], temperature=0, max_new_tokens=40, seed=0)
    alone = [generate(model, tokenizer, [p], temperature=0, max_new_tokens=40, seed=0)[0] for p in PROMPTS]
    assert ids(together) == ids(backwards[::-1]) == ids(alone)


def test_greedy_answers_equal_those_of_transformers(model, theirs, tokenizer):
    ours = generate(model, tokenizer, PROMPTS[:6], temperature=0, max_new_tokens=30, seed=0)
    for prompt, (completion,) in zip(PROMPTS[:6], ours, strict=True):
        read = torch.tensor([encode(tokenizer, prompt)])
        expected = theirs.generate(read, do_sample=False, max_new_tokens=30, eos_token_id=1, pad_token_id=0)[0]
        assert completion.token_ids == expected[read.shape[1] :].tolist()


def test_the_same_seed_draws_the_same_replies_and_another_seed_others(model, tokenizer):
    first, again, other = (generate(model, tokenizer, PROMPTS, samples=3, seed=s, max_new_tokens=20) for s in (7, 7, 8))
    assert first == again
    assert ids(first) != ids(other)


def test_samples_of_a_prompt_differ_and_do_not_depend_on_how_rows_are_batched(model, tokenizer, monkeypatch):
    wide = generate(model, tokenizer, PROMPTS, samples=3, seed=1, max_new_tokens=20)
    monkeypatch.setattr("course.model.sampling.ROWS_AT_ONCE", 6)
    assert same_draws_and_logprobs(generate(model, tokenizer, PROMPTS, samples=3, seed=1, max_new_tokens=20), wide)
    assert any(len({tuple(reply) for reply in group}) > 1 for group in ids(wide))  # a trained model may be sure


def gaps(model, tokenizer, prompts, **settings):
    """How far the score of each drawn token lies from the log-prob it was drawn with."""
    drawn = generate(model, tokenizer, prompts, samples=2, seed=3, max_new_tokens=30, **settings)
    read = [encode(tokenizer, prompt) for prompt in prompts for _ in range(2)]
    replies = sum(drawn, [])
    found = score(model, read, [reply.token_ids for reply in replies], **settings)
    sampled = torch.cat([torch.tensor(reply.logprobs) for reply in replies])
    return (found.logprobs[found.mask] - sampled).abs()


@pytest.mark.parametrize("temperature", [1.0, 0.7, 1.3, 0.0])
def test_scoring_reproduces_the_log_probs_of_sampling(model, tokenizer, temperature):
    assert gaps(model, tokenizer, PROMPTS, temperature=temperature).max() <= 1e-4


def test_scoring_reproduces_truncated_sampling_unless_rounding_decides_who_belongs(model, tokenizer):
    """A token at the edge of the nucleus may fall on either side of it: a matter of the seventh digit."""
    assert (gaps(model, tokenizer, PROMPTS, top_p=0.8) <= 1e-4).float().mean() >= 0.998


def test_scores_have_a_gradient_and_padding_has_none(model):
    scores = score(model, [[5, 6, 7], [9]], [[10, 1], [11, 12, 13, 1]])
    assert scores.mask.tolist() == [[True, True, False, False], [True] * 4]
    assert scores.logprobs[0, 2:].tolist() == [0.0, 0.0]
    gradient = torch.autograd.grad(scores.logprobs.sum(), model.embedding.weight)[0]
    assert gradient.abs().max() > 0


def test_a_foreign_model_is_sampled_and_scored_like_our_own(foreign, tokenizer):
    assert gaps(foreign, tokenizer, PROMPTS[:5], temperature=0.9).max() <= 1e-4


def test_greedy_answers_of_a_foreign_model_equal_its_own_generate(foreign, tokenizer):
    ours = generate(foreign, tokenizer, PROMPTS[:4], temperature=0, max_new_tokens=10, seed=0)
    for prompt, (completion,) in zip(PROMPTS[:4], ours, strict=True):
        read = torch.tensor([encode(tokenizer, prompt)])
        expected = foreign.generate(read, do_sample=False, max_new_tokens=10, eos_token_id=1, pad_token_id=0)[0]
        assert completion.token_ids == expected[read.shape[1] :].tolist()


def test_our_sampler_draws_what_the_foreign_road_draws_from_the_same_weights(model, theirs, tokenizer):
    ours, peer = (generate(net, tokenizer, PROMPTS, samples=2, seed=9, max_new_tokens=25) for net in (model, theirs))
    assert same_draws_and_logprobs(ours, peer)


def test_tokens_are_drawn_as_often_as_their_probability_says():
    probability = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0])
    uniform = torch.rand(100_000, generator=torch.Generator().manual_seed(0))
    drawn = draw(probability.log().expand(len(uniform), -1), uniform)
    counts = drawn.bincount(minlength=5)
    assert counts[4] == 0
    expected = probability[:4] * len(uniform)
    chi_squared = ((counts[:4] - expected) ** 2 / expected).sum()
    assert chi_squared < 16.27  # the .999 quantile with three degrees of freedom


def test_the_nucleus_is_the_smallest_set_that_reaches_top_p():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert torch.allclose(sampling_logprobs(logits, top_p=0.7).exp(), torch.tensor([0.625, 0.375, 0, 0]))
    assert torch.allclose(sampling_logprobs(logits, top_p=0.4).exp(), torch.tensor([1.0, 0, 0, 0]))


def test_temperature_divides_the_logits():
    logits = torch.tensor([0.2, -1.0, 3.0])
    assert torch.allclose(sampling_logprobs(logits, 0.5), torch.log_softmax(2 * logits, -1))


def test_a_reply_ends_with_its_end_token_and_does_not_show_it(model, tokenizer):
    drawn = sum(generate(model, tokenizer, PROMPTS, samples=4, seed=2, max_new_tokens=60), [])
    for reply in drawn:
        assert reply.finished == (reply.token_ids[-1] == 1)
        assert 1 not in reply.token_ids[:-1]
        assert len(reply.token_ids) == len(reply.logprobs) <= 60
        shown = reply.token_ids[:-1] if reply.finished else reply.token_ids
        assert reply.text == tokenizer.decode(shown)


@pytest.mark.parametrize(
    ("prompts", "settings", "message"),
    [
        ([""], {}, "a prompt is empty"),
        (["<user>" * 512], {}, "512 tokens leaves no room in a context of 512: shorten"),
        (["<user>日本"], {}, "'日', '本'"),
        (["<user>"], {"top_p": 0}, "top_p lies in"),
        (["<user>"], {"samples": 0}, "samples and max_new_tokens start at 1"),
    ],
)
def test_what_cannot_be_read_is_a_one_line_error(model, tokenizer, prompts, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        generate(model, tokenizer, prompts, seed=0, **settings)
    assert "\n" not in str(caught.value)


def test_a_seed_must_be_given(model, tokenizer):
    with pytest.raises(TypeError, match="seed"):
        generate(model, tokenizer, ["<user>"])


def test_no_prompts_give_no_replies(model, tokenizer):
    assert generate(model, tokenizer, [], seed=0) == []


def test_a_prompt_near_the_end_of_the_context_stops_there(model, tokenizer):
    (long,), (short,) = generate(model, tokenizer, ["<user>" * 509, "<user>"], seed=0, max_new_tokens=40)
    assert len(long.token_ids) <= 3
    assert short.finished or len(short.token_ids) == 40


def test_nothing_to_score_is_an_error(model):
    for prompts, replies in (([], []), ([[]], [[1]]), ([[5]], [[]])):
        with pytest.raises(ValueError, match="nothing to score"):
            score(model, prompts, replies)


def test_anything_with_logits_and_a_config_can_be_scored(model):
    class Wrapper(torch.nn.Module):
        device = torch.device("cpu")

        def forward(self, input_ids, attention_mask=None):
            return SimpleNamespace(logits=model(input_ids).logits)

    assert torch.equal(score(Wrapper(), [[5]], [[6, 1]]).logprobs, score(model, [[5]], [[6, 1]]).logprobs)


def test_the_likeliest_next_tokens_are_drawn_as_often_as_they_say(model, tokenizer):
    prompt = "<user>How many r's are in berry?<assistant>"
    shares = next_tokens(model, tokenizer, prompt, k=3)
    assert list(shares.values()) == sorted(shares.values(), reverse=True) and len(shares) == 3
    drawn = generate(model, tokenizer, [prompt], samples=2000, max_new_tokens=1, seed=3)[0]
    for text, share in shares.items():
        found = sum(tokenizer.decode(one.token_ids) == text for one in drawn) / 2000
        assert found == pytest.approx(share, abs=4 * (share * (1 - share) / 2000) ** 0.5 + 1e-9)
    with pytest.raises(ValueError, match="prompt is empty"):
        next_tokens(model, tokenizer, "")
