"""Groups of replies written by hand, for tests of what is done with them."""

import torch

from course.model import Completion, score
from course.model.transformer import ModelConfig, Transformer
from course.think.rollouts import Rollout, RolloutBatch, read_reply
from course.world import sums
from course.world.tokenizer import encode, load_tokenizer

SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=48)
PROMPTS = ("<user>What is 2+3?<assistant>", "<user>Add 4, 5 and 6.<assistant>", "<user>1+1=?<assistant>")
TEXTS = (
    ("5", "<think>0+2=2\n2+3=5\n</think>5", "7", "<think>2+3=6\n</think>6"),
    ("15", "14", "<think>0+4=4\n4+5=9\n9+6=15\n</think>15", "9"),
    ("2", "2", "3", "<think>1+1=2\n</think>2"),
)
PROBLEMS = (sums.ask((2, 3)), sums.ask((4, 5, 6)), sums.ask((1, 1)))


def small(seed: int = 0, config: ModelConfig = SMALL) -> Transformer:
    """A random network whose weights survive half precision."""
    torch.manual_seed(seed)
    model = Transformer(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight)).copy_(weight.half().float())
    return model


def rollouts(sampler, cut: int | None = None) -> RolloutBatch:
    """The texts above as if `sampler` had drawn them; the last of each group is truncated after `cut` tokens."""
    tokenizer = load_tokenizer()
    prompt_ids = [encode(tokenizer, prompt) for prompt in PROMPTS]
    groups = []
    for problem, prompt, ids, texts in zip(PROBLEMS, PROMPTS, prompt_ids, TEXTS):
        replies = [encode(tokenizer, text) + [tokenizer.eos_token_id] for text in texts]
        if cut:
            replies[-1] = replies[-1][:cut]
        with torch.no_grad():
            scores = score(sampler, [ids] * len(replies), replies)
        group = []
        for reply, logprobs, text in zip(replies, scores.logprobs.tolist(), texts):
            finished = reply[-1] == tokenizer.eos_token_id
            completion = Completion(text, reply, logprobs[: len(reply)], finished)
            group.append(Rollout(problem, read_reply(prompt, completion), completion))
        groups.append(group)
    return RolloutBatch(prompt_ids, groups)


def gradients(model) -> list[torch.Tensor]:
    """The gradients a model has gathered; they are taken off it."""
    found = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    return found
