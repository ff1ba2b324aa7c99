"""Imitation: what the loss counts, that packed examples do not know of each other, and which examples come when."""

from collections import Counter

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from course.learn.sft import (
    TrainingExample,
    block_causal_mask,
    imitation_loss,
    of_everything,
    of_replies,
    pack,
    reply_logits,
    shuffled_batches,
    stack,
)
from course.learn.training import TrainingConfig, train
from course.model.moe import Experts
from course.model.transformer import ModelConfig, Transformer

SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=32)
THEIRS = {
    "vocab_size": 512, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16,
}  # fmt: skip
MODELS = {
    "ours": lambda: Transformer(SMALL),
    "ours with experts": lambda: Transformer(
        ModelConfig(
            hidden_size=32,
            layers=2,
            heads=2,
            kv_heads=1,
            intermediate_size=32,
            experts=Experts(count=4, intermediate_size=16),
        )
    ),
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**THEIRS)),
    "Qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**THEIRS)),
}


def example(prompt, reply, seed=0):
    numbers = torch.randint(6, 512, (prompt + reply,), generator=torch.Generator().manual_seed(seed)).tolist()
    return TrainingExample(tuple(numbers[:prompt]), tuple(numbers[prompt:]))


EXAMPLES = [example(4, 7, 1), example(9, 2, 2), example(3, 12, 3), example(5, 1, 4), example(2, 2, 5)]


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(0)
    return MODELS[request.param]().eval()


def losses_alone(model, one):
    """Minus the log-prob of each token of a reply, the example read alone, without padding or mask."""
    ids = torch.tensor([one.prompt + one.reply])
    logprobs = model(ids).logits[0].log_softmax(-1)
    return [-logprobs[place - 1, ids[0, place]] for place in range(len(one.prompt), len(one))]


def test_the_loss_counts_every_token_of_a_reply_once_and_none_of_a_prompt(model):
    by_hand = torch.stack([loss for one in EXAMPLES for loss in losses_alone(model, one)]).mean()
    assert torch.allclose(imitation_loss(model, stack(pack(EXAMPLES, 20))), by_hand, atol=1e-5)


def test_packing_changes_no_example_s_loss(model):
    for rows in ([EXAMPLES], [EXAMPLES[::-1]], [EXAMPLES[:2], EXAMPLES[2:]], [[one] for one in EXAMPLES]):
        logits, tokens = reply_logits(model, stack(rows))
        found = torch.nn.functional.cross_entropy(logits, tokens, reduction="none")
        alone = torch.stack([loss for row in rows for one in row for loss in losses_alone(model, one)])
        assert torch.allclose(found, alone, atol=1e-5)


def test_without_the_mask_a_neighbor_would_be_noticed(model):
    """The test above could fail: plain causal attention gives the second example of a row another loss."""
    packed = stack([EXAMPLES])
    leaking = model(packed.ids[:, :-1]).logits[packed.is_reply[:, 1:]]
    assert (leaking - reply_logits(model, packed)[0]).abs().max() > 1e-3


def test_a_token_sees_what_stands_before_it_in_its_own_example():
    visible = block_causal_mask(torch.tensor([[0, 0, 1, 1, -1]]))[0, 0] == 0
    assert visible.int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],  # padding sees itself, so that no row of scores is empty
    ]


def test_packing_loses_no_example_and_fills_rows_well():
    examples = [example(10 + seed % 37, 5 + seed % 61, seed) for seed in range(300)]
    rows = pack(examples, 160)
    assert Counter(one for row in rows for one in row) == Counter(examples)
    assert all(sum(map(len, row)) <= 160 for row in rows)
    assert sum(map(len, examples)) / (160 * len(rows)) > 0.95


def test_lengths_and_what_is_learnt_are_those_of_the_examples():
    packed = stack(pack(EXAMPLES, 20))
    assert sorted(packed.lengths) == sorted(map(len, EXAMPLES))
    assert sorted(packed.replies) == sorted(len(one.reply) for one in EXAMPLES)
    assert int(packed.is_reply.sum()) == sum(len(one.reply) for one in EXAMPLES)


def test_an_example_longer_than_a_row_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="an example of 30 tokens does not fit a row of 20: make rows longer"):
        pack([example(20, 10)], 20)


def test_every_round_holds_every_row_once_in_another_order():
    examples = [example(4, 6, seed) for seed in range(12)]
    batch = shuffled_batches(examples, rows=2, length=20)  # two examples a row, two rows a step: three steps a round
    rounds = [sorted(batch(step).ids.flatten().tolist() for step in range(first, first + 3)) for first in (0, 3)]
    assert sorted(sum(rounds[0], [])) == sorted(sum(rounds[1], [])) and rounds[0] != rounds[1]
    assert torch.equal(batch(4).ids, shuffled_batches(examples, rows=2, length=20)(4).ids)


def test_too_few_examples_are_an_error_that_says_so():
    with pytest.raises(ValueError, match="5 examples fill 2 rows, and a step needs 4: collect more"):
        shuffled_batches(EXAMPLES, rows=4, length=40)


def test_a_run_taken_up_again_ends_with_the_same_weights(tmp_path):
    config = TrainingConfig(steps=6, rows=2, length=20, warmup=2)
    batch = shuffled_batches([example(4, 6, seed) for seed in range(12)], rows=2, length=20)
    models = []
    for interrupted in (False, True):
        torch.manual_seed(0)
        file = tmp_path / f"{interrupted}.safetensors"
        run = train(Transformer(SMALL), batch, config, loss=imitation_loss, checkpoint=file, every=2)
        for _ in range(3 if interrupted else 6):
            next(run)
        models.append(Transformer(SMALL))
        list(train(models[-1], batch, config, loss=imitation_loss, checkpoint=file, every=2))
    assert all(torch.equal(one, other) for one, other in zip(*(model.parameters() for model in models), strict=True))


# --- which tokens are learned ---


def test_everything_is_all_that_something_stands_before_in_its_own_example():
    batch = stack([[example(2, 2, 1), example(1, 2, 2)], [example(2, 1, 3)]])
    assert of_everything(batch).int().tolist() == [[0, 1, 1, 1, 0, 1, 1], [0, 1, 1, 0, 0, 0, 0]]
    assert of_replies(batch).int().tolist() == [[0, 0, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 0, 0]]


def test_the_loss_on_everything_is_that_of_every_token_but_the_first_of_each_example(model):
    by_hand = torch.cat([every_token(model, one) for one in EXAMPLES]).mean()
    found = imitation_loss(model, stack(pack(EXAMPLES, 20)), learned=of_everything)
    assert torch.allclose(found, by_hand, atol=1e-5)


def every_token(model, one):
    ids = torch.tensor([one.prompt + one.reply])
    return torch.nn.functional.cross_entropy(model(ids[:, :-1]).logits[0], ids[0, 1:], reduction="none")


def test_a_masked_prompt_is_read_but_not_learned():
    """Of the rows of the output table, masked tokens that stand nowhere else get no pull upwards."""
    torch.manual_seed(0)
    model = Transformer(SMALL)
    one = TrainingExample((100, 101, 102), (200, 201))

    def pulled(learned):
        logits, tokens = reply_logits(model, stack([[one]]), learned)
        logits.retain_grad()
        torch.nn.functional.cross_entropy(logits, tokens).backward()
        return {int(token) for token in (logits.grad < 0).nonzero()[:, 1]}

    assert pulled(of_replies) == {200, 201} and pulled(of_everything) == {101, 102, 200, 201}
    before = imitation_loss(model, stack([[one]]))
    other = imitation_loss(model, stack([[TrainingExample((100, 101, 103), one.reply)]]))
    assert before != other, "the reply depends on the prompt, though nobody learns it"


def test_nothing_to_learn_is_an_error_and_no_mean_of_nothing():
    torch.manual_seed(0)
    batch = stack([[example(4, 3)]])
    with pytest.raises(ValueError, match="no token of this batch is learned"):
        imitation_loss(Transformer(SMALL), batch, learned=lambda batch: torch.zeros_like(batch.is_reply))
