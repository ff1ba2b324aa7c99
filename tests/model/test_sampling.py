"""Drawing replies: what must not matter does not, and what is drawn follows the probabilities it reports."""

import itertools
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from course.model import batches, generate, load, sampling, score
from course.model.attention import padded_causal_mask
from course.model.logprobs import next_tokens
from course.model.sampling import draw, sampling_logprobs, stream
from course.model.transformer import ModelConfig, Transformer, attention_maps
from course.world import FAMILIES, draw_problems
from course.world.tokenizer import encode
from tests.model.conftest import SIZES, fresh

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


@pytest.mark.slow
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


def test_scores_and_their_gradient_are_those_of_each_row_without_padding(model):
    prompts, replies = [[5, 6, 7], [9]], [[10, 1], [11, 12, 13, 1]]
    together = score(model, prompts, replies)
    alone = [score(model, [prompt], [reply]) for prompt, reply in zip(prompts, replies)]
    assert together.mask.tolist() == [[True, True, False, False], [True] * 4]
    assert together.logprobs[0, 2:].tolist() == [0.0, 0.0]
    for row, one in zip(together.logprobs, alone):
        assert torch.allclose(row[: one.logprobs.shape[1]], one.logprobs[0], atol=1e-5)
    weight = torch.tensor([[1.0, 2.0, 5.0, 5.0], [3.0, 4.0, 5.0, 6.0]])  # what stands in the padding must not count
    mine = torch.autograd.grad((together.logprobs * weight).sum(), tuple(model.parameters()), allow_unused=True)
    apart = sum((one.logprobs * row[: one.logprobs.shape[1]]).sum() for one, row in zip(alone, weight))
    for found, expected in zip(mine, torch.autograd.grad(apart, tuple(model.parameters()), allow_unused=True)):
        assert torch.allclose(found, expected, atol=1e-4 * max(1.0, expected.abs().max().item()))


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


def test_a_token_without_probability_is_not_drawn_even_by_the_smallest_number():
    assert draw(torch.tensor([[0.0, 1.0]]).log(), torch.zeros(1)).tolist() == [1]


def test_prompts_read_in_small_groups_get_the_same_replies(tokenizer, monkeypatch):
    model = fresh(SIZES["dense"])
    at_once = generate(model, tokenizer, PROMPTS, seed=5, max_new_tokens=8)
    monkeypatch.setattr(batches, "PROMPTS_AT_ONCE", 4)
    assert same_draws_and_logprobs(generate(model, tokenizer, PROMPTS, seed=5, max_new_tokens=8), at_once)


def test_the_nucleus_is_the_smallest_set_that_reaches_top_p():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert torch.allclose(sampling_logprobs(logits, top_p=0.7).exp(), torch.tensor([0.625, 0.375, 0, 0]))
    assert torch.allclose(sampling_logprobs(logits, top_p=0.4).exp(), torch.tensor([1.0, 0, 0, 0]))


def test_a_token_behind_one_that_reaches_top_p_exactly_does_not_belong():
    logits = torch.tensor([2.0, 1.0, 1.0, 0.0])
    exactly = float(torch.log_softmax(logits, -1).exp()[0])
    assert (sampling_logprobs(logits, top_p=exactly) > -torch.inf).tolist() == [True, False, False, False]
    more = (sampling_logprobs(logits, top_p=exactly + 1e-3) > -torch.inf).tolist()
    assert more.count(True) == 2 and not more[3]  # of two that are equally likely, one is enough


def test_every_row_of_the_attention_mask_attends_to_something_and_never_to_padding_or_later_tokens():
    """A softmax over nothing is not a number, and not every kernel of attention forgives it."""
    attention_mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    mask = padded_causal_mask(attention_mask, 4)[:, 0]
    assert mask.softmax(-1).isfinite().all()
    assert (mask[0] == 0).int().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]
    assert torch.equal(mask[1] == 0, torch.ones(4, 4).tril().bool())
    assert torch.equal(padded_causal_mask(attention_mask, 1)[:, 0, 0], mask[:, -1])


class EveryTensorSaysWhere(torch.overrides.TorchFunctionMode):
    """On a GPU, a tensor that is made without a device is on the wrong one: here it is an error."""

    MAKERS = (torch.tensor, torch.zeros, torch.ones, torch.full, torch.empty, torch.arange, torch.rand, torch.randn)

    def __torch_function__(self, function, types, arguments=(), settings=None):
        settings = settings or {}
        assert function not in self.MAKERS or settings.get("device") is not None, f"{function.__name__}: which device?"
        return function(*arguments, **settings)


@pytest.mark.parametrize("kind", [*SIZES, "foreign"])
def test_no_tensor_is_made_without_saying_on_which_device(kind, tokenizer, foreign):
    model = foreign if kind == "foreign" else fresh(SIZES[kind])
    prompts = ["<user>", "<user>hi<assistant>", "<user>how many?<assistant>"]
    with EveryTensorSaysWhere():
        drawn = sum(generate(model, tokenizer, prompts, samples=3, top_p=0.9, seed=0, max_new_tokens=5), [])
        read = [encode(tokenizer, prompt) for prompt in prompts for _ in range(3)]
        score(model, read, [reply.token_ids for reply in drawn], top_p=0.9)
        next_tokens(model, tokenizer, "<user>")
        if kind != "foreign":
            attention_maps(model, torch.tensor([2, 3], device="cpu"))


@pytest.mark.parametrize("kind", [*SIZES, "foreign"])
def test_a_model_whose_logits_are_not_numbers_is_an_error(kind, tokenizer, foreign):
    model = foreign if kind == "foreign" else fresh(SIZES[kind])
    weight = model.lm_head.weight if kind == "foreign" else model.embedding.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[5, 0] = float("nan")  # of one token only: its column of logits
    try:
        for temperature in (0.0, 1.0):
            with pytest.raises(ValueError, match="not numbers"):
                generate(model, tokenizer, ["<user>"], temperature=temperature, seed=0, max_new_tokens=3)
        with pytest.raises(ValueError, match="not numbers"):
            score(model, [[2]], [[5, 1]])
        with pytest.raises(ValueError, match="not numbers"):
            next_tokens(model, tokenizer, "<user>")
    finally:
        weight.data.copy_(kept)


def test_a_token_outside_the_nucleus_scores_minus_infinity_and_is_no_error(tokenizer):
    model = fresh(SIZES["dense"])
    least = int(model(torch.tensor([[2]])).logits[0, -1].argmin())
    assert score(model, [[2]], [[least]], top_p=0.5).logprobs.item() == -torch.inf


def test_a_tokenizer_without_an_end_is_an_error(tokenizer):
    endless = SimpleNamespace(eos_token_id=None, encode=tokenizer.encode)
    with pytest.raises(ValueError, match="names no token that ends a reply"):
        generate(fresh(SIZES["dense"]), endless, ["<user>"], seed=0)


@pytest.mark.parametrize("temperature", [float("nan"), float("inf"), -0.1])
def test_a_temperature_that_means_nothing_is_an_error(temperature, tokenizer):
    with pytest.raises(ValueError, match="temperature at 0"):
        generate(fresh(SIZES["dense"]), tokenizer, ["<user>"], temperature=temperature, seed=0)


class Watched(Transformer):
    """A network that notes how many tokens it reads at once, and on how many threads."""

    def forward(self, input_ids, *arguments, **settings):
        self.noted.append((input_ids.numel(), torch.get_num_threads()))
        if len(self.noted) == self.stop:
            raise KeyboardInterrupt
        return super().forward(input_ids, *arguments, **settings)


def test_small_steps_take_one_thread_and_large_ones_all_and_what_was_set_comes_back(tokenizer, monkeypatch):
    torch.manual_seed(0)
    model = Watched(ModelConfig(layers=1)).eval()
    weights = sum(weight.numel() for weight in model.parameters())
    monkeypatch.setattr(sampling, "WORTH_WAKING", 8 * weights)
    torch.set_num_threads(2)  # the next test sets one again
    for stop in (None, 3):
        model.noted, model.stop = [], stop
        try:
            generate(model, tokenizer, ["<user>" * 7], samples=8, seed=1, max_new_tokens=100)
        except KeyboardInterrupt:
            assert stop
        assert torch.get_num_threads() == 2
        assert all(threads == (2 if tokens >= 8 else 1) for tokens, threads in model.noted)
    model.noted, model.stop = [], None
    monkeypatch.setattr(sampling, "draw", lambda logprobs, uniform: torch.where(uniform < 0.2, 1, 9))  # many end
    generate(model, tokenizer, ["<user>"] * 16, seed=1, max_new_tokens=20)
    assert {threads for _, threads in model.noted} == {1, 2}, "finished rows leave, and with them the second thread"
    assert torch.get_num_threads() == 2


def test_the_same_replies_are_drawn_on_any_number_of_threads(model, tokenizer, monkeypatch):
    monkeypatch.setattr(sampling, "WORTH_WAKING", 0)
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn.append(generate(model, tokenizer, PROMPTS[:8], samples=2, seed=4, max_new_tokens=20))
    assert same_draws_and_logprobs(*drawn)


def test_of_a_foreign_prompt_only_the_last_token_is_scored(foreign, tokenizer):
    scored = []
    hook = foreign.lm_head.register_forward_pre_hook(lambda _, given: scored.append(given[0].shape[1]))
    generate(foreign, tokenizer, PROMPTS[:3], seed=0, max_new_tokens=4)
    hook.remove()
    assert set(scored) == {1}


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


@pytest.mark.parametrize("left", [1, 2, 3])
def test_a_reply_fills_the_context_to_the_last_token_and_no_further(left, tokenizer):
    endless = SimpleNamespace(eos_token_id=511, encode=tokenizer.encode, batch_decode=tokenizer.batch_decode)
    model = fresh(SIZES["dense"])
    (long,), (short,) = generate(
        model, endless, ["<user>" * (512 - left), "<user>"], temperature=0, seed=0, max_new_tokens=8
    )
    assert (len(long.token_ids), len(short.token_ids)) == (left, 8)
    assert not long.finished and not short.finished


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


def streamed(*arguments, **options):
    """The pieces of a reply, and whether it ended by itself."""
    pieces, ended = [], []

    def reply():
        ended.append((yield from stream(*arguments, **options)))

    pieces += reply()
    return pieces, ended[0]


@pytest.mark.parametrize("options", [{}, {"temperature": 0.0}, {"temperature": 1.4, "top_p": 0.8}], ids=str)
def test_a_reply_that_is_streamed_is_the_one_that_generate_draws(tokenizer, options):
    model = load("mini-base")[0]
    for prompt in PROMPTS[::3]:
        (expected,) = generate(model, tokenizer, [prompt], max_new_tokens=40, seed=3, **options)[0]
        pieces, ended = streamed(model, tokenizer, prompt, max_new_tokens=40, seed=3, **options)
        assert "".join(pieces) == expected.text and ended is expected.finished
        assert len(pieces) == len(expected.token_ids) - expected.finished, "token by token"


def test_a_reply_of_a_foreign_model_is_streamed_as_it_is_drawn(foreign, tokenizer):
    (expected,) = generate(foreign, tokenizer, PROMPTS[:1], max_new_tokens=20, seed=5)[0]
    assert "".join(streamed(foreign, tokenizer, PROMPTS[0], max_new_tokens=20, seed=5)[0]) == expected.text


def test_a_reply_ends_where_the_context_does_when_it_is_streamed(tokenizer):
    model = fresh(ModelConfig(layers=1, context=12))
    (expected,) = generate(model, tokenizer, ["<user>"], seed=1)[0]
    pieces, ended = streamed(model, tokenizer, "<user>", seed=1)
    assert ("".join(pieces), ended) == (expected.text, False) and len(expected.token_ids) == 11


def test_what_cannot_be_drawn_cannot_be_streamed(tokenizer):
    model = fresh(ModelConfig(layers=1))
    with pytest.raises(ValueError, match="empty"):
        list(stream(model, tokenizer, "", seed=0))
    with pytest.raises(ValueError, match="temperature at 0"):
        list(stream(model, tokenizer, "<user>", temperature=-1.0, seed=0))
    with torch.no_grad():
        model.embedding.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="not numbers"):
        list(stream(model, tokenizer, "<user>", seed=0))


class Dictated:
    """A batch of one row whose next token is certain."""

    def __init__(self, ids):
        self.ids = iter(ids)
        self.logits = self.step()

    def step(self, _=None):
        return torch.nn.functional.one_hot(torch.tensor([next(self.ids)]), 300).float() * 1000


def test_a_character_of_several_tokens_is_streamed_whole(foreign, monkeypatch):
    """As in tokenizers of bytes, which nearly all models on the Hub have."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    by_byte = Tokenizer(models.BPE({"<end>": 0} | {letter: 1 + place for place, letter in enumerate(letters)}, []))
    by_byte.pre_tokenizer, by_byte.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    bytewise = PreTrainedTokenizerFast(tokenizer_object=by_byte, eos_token="<end>")
    ids = bytewise.encode("né 思考")
    assert len(ids) == len("né 思考".encode())
    monkeypatch.setattr("course.model.sampling.read_together", lambda *_: Dictated([*ids, 0]))
    assert streamed(foreign, bytewise, "a", seed=0) == (["n", "é", " ", "思", "考"], True)
    monkeypatch.setattr("course.model.sampling.read_together", lambda *_: Dictated(ids))
    pieces, ended = streamed(foreign, bytewise, "a", max_new_tokens=5, seed=0)
    assert pieces == ["n", "é", " ", "\ufffd"] and not ended, "what is truncated in the middle is told at the end"
