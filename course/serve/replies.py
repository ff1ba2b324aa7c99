"""Replies in the form of the API: whole, or as the chunks of a stream.

The thoughts come back under both names that are in use: `reasoning_content` (DeepSeek) and `reasoning` (vLLM).
"""

import json
import time
import uuid
from collections.abc import AsyncIterator

from course.model.continuous import Drawn
from course.serve.engine import Reply, Ticket
from course.serve.protocol import ChatRequest, Refused
from course.serve.reading import REASONING, Piece
from course.world.tokenizer import load_tokenizer


async def whole(request: ChatRequest, model: str, ticket: Ticket) -> dict:
    """The completion, once all its replies have ended."""
    pieces: list[list[Piece]] = [[] for _ in ticket.replies]
    async for number, piece in ticket.pieces():
        pieces[number] += [piece] if piece else []
    choices = [_choice(request, number, ticket.replies[number], several) for number, several in enumerate(pieces)]
    return {**_head("chat.completion", model), "choices": choices, "usage": usage(ticket)}


async def chunks(request: ChatRequest, model: str, ticket: Ticket) -> AsyncIterator[str]:
    """Server-sent events: a delta for each piece of text, the reason of the end, and `[DONE]`."""
    head = _head("chat.completion.chunk", model)
    for number in range(len(ticket.replies)):
        yield _event(head, number, {"role": "assistant", "content": ""})
    try:
        async for number, piece in ticket.pieces():
            if piece is None:
                yield _event(head, number, {}, ticket.replies[number].finish_reason)
            else:
                delta = _thoughts(piece.text) if piece.field == REASONING else {"content": piece.text}
                yield _event(head, number, delta, logprobs=_logprobs([piece]) if request.logprobs else None)
    except Refused as error:  # the status is sent already: clients look for an error in the events
        yield f"data: {json.dumps(error.body())}\n\n"
        return
    if request.stream_options and request.stream_options.include_usage:
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage(ticket)})}\n\n"
    yield "data: [DONE]\n\n"


def usage(ticket: Ticket) -> dict:
    """Tokens read and drawn; those of the thoughts, tags included, are counted apart as well."""
    readings = [reply.reading for reply in ticket.replies]
    drawn = sum(reading.tokens for reading in readings)
    return {
        "prompt_tokens": ticket.prompt_tokens,
        "completion_tokens": drawn,
        "total_tokens": ticket.prompt_tokens + drawn,
        "completion_tokens_details": {"reasoning_tokens": sum(reading.reasoning_tokens for reading in readings)},
    }


def _choice(request: ChatRequest, number: int, reply: Reply, pieces: list[Piece]) -> dict:
    thoughts = "".join(piece.text for piece in pieces if piece.field == REASONING)
    answer = "".join(piece.text for piece in pieces if piece.field != REASONING)
    return {
        "index": number,
        "message": {"role": "assistant", "content": answer, **_thoughts(thoughts or None)},
        "finish_reason": reply.finish_reason,
        "logprobs": _logprobs(pieces) if request.logprobs else None,
    }


def _thoughts(text: str | None) -> dict:
    return {"reasoning_content": text, "reasoning": text}


def _head(kind: str, model: str) -> dict:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _event(head: dict, index: int, delta: dict, finish_reason: str | None = None, logprobs: dict | None = None) -> str:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason, "logprobs": logprobs}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"


def _logprobs(pieces: list[Piece]) -> dict:
    """Log-probs of the model at temperature 1, in nats, of the tokens that the text was read from."""
    found: dict[str, list[dict]] = {"content": [], "reasoning_content": []}
    for piece in pieces:
        found["reasoning_content" if piece.field == REASONING else "content"] += map(_token, piece.tokens)
    return found


def _token(drawn: Drawn) -> dict:
    top = [_scored(token, logprob) for token, logprob in drawn.top]
    return {**_scored(drawn.token, drawn.logprob), "top_logprobs": top}


def _scored(token: int, logprob: float) -> dict:
    text = load_tokenizer().decode([token])
    return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(text.encode())}
