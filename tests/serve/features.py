"""Each feature of the API, asked for with the `openai` client and nothing else of this project.

    python tests/serve/features.py BASE_URL

runs them all against a server of `mini-zero` and names each that it has passed: so clients of other versions are tried.
"""

import asyncio
import math
import sys

import openai

LETTERS = [{"role": "user", "content": "How many r's are in strawberry?"}]
SUM = [{"role": "user", "content": "What is 3+9+8?"}]
THINK = {"extra_body": {"thinking": {"type": "enabled"}}}
PLAIN = {"extra_body": {"thinking": {"type": "disabled"}}}
TOOL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}


def ask(client, messages=LETTERS, model="mini-zero", **options):
    return client.chat.completions.create(model=model, messages=messages, **options)


def streamed(client, **options):
    """The two fields that the deltas add up to, why the reply ended, and the usage if it came."""
    fields, ended, usage = {"reasoning_content": "", "reasoning": "", "content": ""}, [], None
    for chunk in ask(client, stream=True, **options):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            for name in fields:
                fields[name] += getattr(choice.delta, name, None) or ""
            ended += [choice.finish_reason] if choice.finish_reason else []
    return fields, ended, usage


def spelled(thoughts):
    """The letters that thoughts about strawberry go through, a line for each below the letter that is looked for."""
    return "".join(line[:1] for line in thoughts.split("\n")[1:])


def models_are_listed_and_retrieved(client):
    names = [model.id for model in client.models.list()]
    assert names[0] == "mini-zero" and {"deepseek-reasoner", "deepseek-flash"} <= set(names)
    found = client.models.retrieve("mini-zero")
    assert (found.id, found.object) == ("mini-zero", "model")


def thoughts_and_answer_come_in_fields_of_their_own(client):
    reply = ask(client, seed=1)
    message = reply.choices[0].message
    assert (reply.object, reply.model, message.role) == ("chat.completion", "mini-zero", "assistant")
    assert spelled(message.reasoning_content) == "strawberry" and message.content == "3"
    assert message.reasoning == message.reasoning_content
    assert reply.choices[0].finish_reason == "stop" and reply.choices[0].logprobs is None


def a_stream_adds_up_to_the_reply_that_comes_whole(client):
    whole = ask(client, seed=5)
    fields, ended, usage = streamed(client, seed=5)
    message = whole.choices[0].message
    assert fields["content"] == message.content and ended == ["stop"] and usage is None
    assert fields["reasoning_content"] == fields["reasoning"] == message.reasoning_content


def a_stream_comes_in_many_pieces(client):
    chunks = list(ask(client, stream=True, seed=1, n=1))
    texts = [
        chunk.choices[0].delta.reasoning_content for chunk in chunks[1:-1] if chunk.choices[0].delta.content is None
    ]
    assert chunks[0].choices[0].delta.role == "assistant" and len({chunk.id for chunk in chunks}) == 1
    assert len(texts) > 10, "piece by piece, not all at the end"


def a_stream_ends_with_its_usage_where_that_is_asked_for(client):
    whole = ask(client, seed=5, **THINK).usage
    usage = streamed(client, seed=5, stream_options={"include_usage": True}, **THINK)[2]
    assert usage.model_dump() == whole.model_dump()


def usage_counts_the_thoughts_apart(client):
    thinking, plain = (ask(client, seed=1, **how).usage for how in (THINK, PLAIN))
    for usage in (thinking, plain):
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert thinking.prompt_tokens == plain.prompt_tokens + 1, "<think> is part of the prompt"
    assert plain.completion_tokens_details.reasoning_tokens == 0
    reasoning = thinking.completion_tokens_details.reasoning_tokens
    assert reasoning == thinking.completion_tokens - 2, "all but the answer's one digit and the end"


def several_choices_are_drawn_apart(client):
    reply = ask(client, n=6, seed=3, temperature=1.5)
    assert [choice.index for choice in reply.choices] == list(range(6))
    assert len({choice.message.reasoning_content for choice in reply.choices}) > 1
    texts = [""] * 6
    for chunk in ask(client, n=6, seed=3, temperature=1.5, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in reply.choices]


def the_same_seed_draws_the_same_and_another_another(client):
    first, again, other = (streamed(client, seed=seed, temperature=1.5)[0] for seed in (7, 7, 8))
    assert first == again != other


def without_a_seed_replies_differ(client):
    assert len({streamed(client, temperature=1.8)[0]["reasoning"] for _ in range(4)}) > 1


def temperature_zero_is_greedy_whatever_the_seed(client):
    replies = [ask(client, temperature=0, seed=seed).choices[0].message.reasoning for seed in (1, 2, 3)]
    assert len(set(replies)) == 1 and replies == [ask(client, top_p=1e-9).choices[0].message.reasoning] * 3


def a_stop_string_ends_the_answer_and_not_the_thoughts(client):
    message = ask(client, SUM, seed=1, stop=["0", "never"], **THINK).choices[0]
    assert "0" in message.message.reasoning_content, "12+8=20"
    assert message.message.content == "2" and message.finish_reason == "stop"
    fields, ended, _ = streamed(client, messages=SUM, seed=1, stop="0", **THINK)
    assert (fields["content"], ended) == ("2", ["stop"])


def max_tokens_is_a_limit_under_both_names(client):
    for name in ("max_tokens", "max_completion_tokens"):
        reply = ask(client, seed=1, **{name: 10}, **THINK)
        assert reply.choices[0].finish_reason == "length" and reply.usage.completion_tokens == 10
        assert reply.choices[0].message.content == "", "the thoughts are truncated"
        assert spelled(reply.choices[0].message.reasoning_content) == "st"


def logprobs_are_those_of_the_tokens_of_both_fields(client):
    choice = ask(client, temperature=0, logprobs=True, top_logprobs=3, **THINK).choices[0]
    found = {"content": choice.logprobs.content, "reasoning_content": choice.logprobs.reasoning_content}
    assert "".join(token.token for token in found["content"]) == choice.message.content
    assert abs(sum(map(math.exp, (top.logprob for top in found["content"][0].top_logprobs))) - 1) < 0.1
    first = found["content"][0]
    assert len(first.top_logprobs) == 3 and first.top_logprobs[0].token == first.token == "3", "greedy"
    assert first.top_logprobs[0].logprob == first.logprob <= 0 and first.bytes == [ord("3")]
    dumped = [token if isinstance(token, dict) else token.model_dump() for token in found["reasoning_content"]]
    assert "".join(token["token"] for token in dumped).strip() == choice.message.reasoning_content


def logprobs_are_streamed_with_their_text(client):
    options = {"temperature": 0, "logprobs": True, "top_logprobs": 2, **PLAIN}
    whole = ask(client, **options).choices[0].logprobs.content
    tokens = [token for chunk in ask(client, stream=True, **options) for choice in chunk.choices if choice.logprobs
              for token in choice.logprobs.content]  # fmt: skip
    assert [(token.token, token.logprob) for token in tokens] == [(token.token, token.logprob) for token in whole]


def thinking_is_switched_on_and_off(client):
    thought = [ask(client, seed=seed, **THINK).choices[0].message.reasoning_content for seed in range(4)]
    plain = [ask(client, seed=seed, **PLAIN).choices[0].message for seed in range(4)]
    assert all(map(spelled, thought))
    assert all(message.reasoning_content is None and message.reasoning is None and message.content for message in plain)


def reasoning_effort_is_a_budget_of_thoughts(client):
    tokens = {}
    for effort in ("none", "minimal", "low", "medium", "high"):
        reply = ask(client, seed=1, extra_body={"reasoning_effort": effort})
        assert reply.choices[0].message.content, "and an answer follows"
        tokens[effort] = reply.usage.completion_tokens_details.reasoning_tokens
    assert tokens["none"] == 0 and tokens["minimal"] == 17 and tokens["low"] == 33, "the closing tag counts as well"
    assert 33 < tokens["medium"] <= 65 and tokens["high"] >= tokens["medium"]


def names_of_snippets_on_the_web_are_other_names_of_the_first_model(client):
    expected = ask(client, seed=1).choices[0].message
    for name in ("deepseek-reasoner", "deepseek-flash"):
        assert client.models.retrieve(name).id == name
        assert ask(client, model=name, seed=1).choices[0].message == expected


def a_conversation_goes_on_whether_its_thoughts_are_sent_back_or_not(client):
    """Thoughts of an earlier turn are no part of the prompt, as in DeepSeek's API."""
    turn = ask(client, seed=1).choices[0].message
    said = [LETTERS[0], {"role": "assistant", "content": turn.content}, SUM[0]]
    kept = [LETTERS[0], turn.model_dump(exclude_none=True), SUM[0]]
    assert "reasoning_content" in kept[1] and "reasoning" in kept[1]
    first, second = (ask(client, messages, seed=2) for messages in (said, kept))
    assert first.choices[0].message == second.choices[0].message
    assert first.usage.prompt_tokens == second.usage.prompt_tokens > ask(client, SUM, seed=2).usage.prompt_tokens


def a_turn_that_called_a_tool_needs_its_thoughts(client):
    turn = {"role": "assistant", "content": "", "tool_calls": [TOOL]}
    after = [{"role": "tool", "tool_call_id": "call_1", "content": "3"}]
    error = refused(client, openai.BadRequestError, messages=[LETTERS[0], turn, *after])
    assert "reasoning_content" in str(error) and "keep it" in str(error)
    assert error.code == "missing_reasoning_content" and "[1]" in error.param
    for field in ("reasoning_content", "reasoning"):
        kept = [LETTERS[0], {**turn, field: "i add"}, *after]
        assert ask(client, kept, seed=1, max_tokens=5).usage.prompt_tokens > 20
    assert ask(client, [LETTERS[0], turn, *after], seed=1, max_tokens=5, **PLAIN).choices, "none were had"


def content_may_come_in_parts(client):
    parts = [{"type": "text", "text": "How many r's are"}, {"type": "text", "text": " in strawberry?"}]
    assert ask(client, [{"role": "user", "content": parts}], seed=1).choices == ask(client, seed=1).choices


def refused(client, kind, messages=LETTERS, **options):
    """The error of a request that has to be refused in this way."""
    try:
        ask(client, messages, **options)
    except kind as error:
        assert error.body["message"] in str(error) and error.type
        return error
    raise AssertionError(f"no {kind.__name__}")


def errors_are_the_client_s_own_and_name_the_remedy(client):
    bad, missing = openai.BadRequestError, openai.NotFoundError
    cases = [
        (missing, "ask for mini-zero", "model", {"model": "gpt-4"}),
        (bad, "shorten it", "messages", {"messages": [{"role": "user", "content": "why " * 1000}]}),
        (bad, "at most 20000", "messages.0.content", {"messages": [{"role": "user", "content": "w" * 20001}]}),
        (bad, "at most 64", "messages", {"messages": LETTERS * 65}),
        (bad, "at least 1", "messages", {"messages": []}),
        (bad, "ask something", "messages[0]", {"messages": [{"role": "user", "content": " "}]}),
        (bad, "'ç'", "messages", {"messages": [{"role": "user", "content": "ça va"}]}),
        (bad, "put it into the question", "messages[0]", {"messages": [{"role": "system", "content": "Be"}, *SUM]}),
        (bad, "has to be the user's", "messages", {"messages": [*SUM, {"role": "assistant", "content": "so"}]}),
        (bad, "'text'", "messages.0.content.0.type", {"messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]}),
        (bad, "less than or equal to 2", "temperature", {"temperature": 2.5}),
        (bad, "greater than 0", "top_p", {"top_p": 0}),
        (bad, "less than or equal to 16", "n", {"n": 17}),
        (bad, "greater than or equal to 1", "max_tokens", {"max_tokens": 0}),
        (bad, "at most 4", "stop", {"stop": list("abcde")}),
        (bad, "needs logprobs", "top_logprobs", {"top_logprobs": 2}),
        (bad, "leave it out", "presence_penalty", {"presence_penalty": 1.0}),
        (bad, "leave it out", "logit_bias", {"logit_bias": {"5": 1}}),
        (bad, "type text", "response_format", {"response_format": {"type": "json_object"}}),
        (bad, "leave tool_choice out", "tool_choice", {"tool_choice": "required"}),
        (bad, "'enabled' or 'disabled'", "thinking.type", {"extra_body": {"thinking": {"type": "perhaps"}}}),
        (bad, "leave one out", "thinking", {"extra_body": {**THINK["extra_body"], "reasoning_effort": "none"}}),
    ]  # fmt: skip
    for kind, remedy, param, options in cases:
        error = refused(client, kind, **options)
        assert remedy in str(error) and error.param == param, (remedy, str(error), error.param)
    try:
        client.models.retrieve("gpt-4")
    except missing as error:
        assert error.code == "model_not_found"


def a_body_that_is_too_large_is_an_error_with_status_413(client):
    for size in (300_000, 3_000_000):
        error = refused(client, openai.APIStatusError, messages=[{"role": "user", "content": "w" * size}])
        assert error.status_code == 413 and "send less" in str(error)


def the_asynchronous_client_does_all_of_it(client):
    async def both():
        async with openai.AsyncOpenAI(base_url=client.base_url, api_key=client.api_key) as other:
            assert (await other.models.retrieve("mini-zero")).id == "mini-zero"
            whole, stream = await asyncio.gather(ask(other, seed=5), ask(other, seed=5, stream=True))
            fields = {"reasoning_content": "", "content": ""}
            async for chunk in stream:
                for name in fields:
                    fields[name] += getattr(chunk.choices[0].delta, name, None) or ""
            assert fields == {name: getattr(whole.choices[0].message, name) for name in fields}
            try:
                await ask(other, model="gpt-4")
            except openai.NotFoundError as error:
                return str(error)

    assert "ask for mini-zero" in asyncio.run(both())


FEATURES = [
    models_are_listed_and_retrieved,
    thoughts_and_answer_come_in_fields_of_their_own,
    a_stream_adds_up_to_the_reply_that_comes_whole,
    a_stream_comes_in_many_pieces,
    a_stream_ends_with_its_usage_where_that_is_asked_for,
    usage_counts_the_thoughts_apart,
    several_choices_are_drawn_apart,
    the_same_seed_draws_the_same_and_another_another,
    without_a_seed_replies_differ,
    temperature_zero_is_greedy_whatever_the_seed,
    a_stop_string_ends_the_answer_and_not_the_thoughts,
    max_tokens_is_a_limit_under_both_names,
    logprobs_are_those_of_the_tokens_of_both_fields,
    logprobs_are_streamed_with_their_text,
    thinking_is_switched_on_and_off,
    reasoning_effort_is_a_budget_of_thoughts,
    names_of_snippets_on_the_web_are_other_names_of_the_first_model,
    a_conversation_goes_on_whether_its_thoughts_are_sent_back_or_not,
    a_turn_that_called_a_tool_needs_its_thoughts,
    content_may_come_in_parts,
    errors_are_the_client_s_own_and_name_the_remedy,
    a_body_that_is_too_large_is_an_error_with_status_413,
    the_asynchronous_client_does_all_of_it,
]


if __name__ == "__main__":
    print(openai.__version__)
    for feature in FEATURES:
        feature(openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0))
        print(feature.__name__)
