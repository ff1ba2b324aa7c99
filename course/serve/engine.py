"""Between requests and the batch: steps run in a thread of their own, tokens go to whoever waits for them."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import torch

from course.model.continuous import Batch, Drawn, Row
from course.serve.protocol import ChatRequest, Refused, prompt_of
from course.serve.reading import Piece, Reading, joined
from course.world.conversation import Prompt
from course.world.tokenizer import END_THINK, THINK, encode

MOST_WAITING = 1024  # replies that may wait for a place; beyond, clients are asked to come again


class Reply:
    """One reply on its way to a client."""

    def __init__(self, row: Row, reading: Reading):
        self.row, self.reading = row, reading
        self.over = False  # whether all that belongs to it has been taken
        self._drawn: list[Drawn] = []
        self._told = 0  # tokens handed over; the row may be ahead, as it grows in another thread

    @property
    def finish_reason(self) -> str:
        """Why the reply ended, in the words of the API."""
        return "stop" if self.reading.stopped else (self.row.ended or "stop")

    def tell(self, drawn: Drawn) -> None:
        """Hand over one more token."""
        self._drawn.append(drawn)
        self._told += 1

    def take(self) -> list[Piece]:
        """What can be shown since the last time, neighbors of the same field as one."""
        drawn, self._drawn = self._drawn, []
        pieces = [piece for one in drawn if (piece := self.reading.read(one))]
        ended = self.row.ended and self._told == len(self.row.token_ids)
        if (ended or self.reading.stopped) and not self.over:
            self.over = True
            pieces += [rest] if (rest := self.reading.rest()) else []
        return joined(pieces)


class Ticket:
    """A request that was let in: its replies, and whether there is news of any."""

    def __init__(self, prompt_tokens: int, replies: list[Reply], leave: Callable[[Reply], None], eager: bool):
        self.prompt_tokens, self.replies = prompt_tokens, replies
        self.eager = eager  # whether every token is news, or only the end of a reply
        self.news = asyncio.Event()
        self.error: Refused | None = None
        self._leave = leave

    async def pieces(self) -> AsyncIterator[tuple[int, Piece | None]]:
        """What can be shown, with the number of the reply, as it comes; None when a reply is over.

        A client that is slower than the model gets several tokens at once. Raises Refused if the model fails.
        """
        left = list(range(len(self.replies)))
        while left:
            await self.news.wait()
            self.news.clear()
            if self.error:
                raise self.error
            for number in list(left):
                reply = self.replies[number]
                for piece in reply.take():
                    yield number, piece
                if reply.over:
                    left.remove(number)
                    self._leave(reply)
                    yield number, None

    def close(self) -> None:
        """Nobody waits for it any more: the places of its replies become free."""
        for reply in self.replies:
            self._leave(reply)


class Engine:
    """One model and the batch that all its requests share."""

    def __init__(self, model, tokenizer, places: int = 32):
        self.tokenizer, self.context = tokenizer, model.config.context
        self.batch = Batch(model, tokenizer.eos_token_id, places)
        self._tickets: dict[Row, tuple[Ticket, Reply]] = {}
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="model", initializer=torch.set_num_threads, initargs=(1,)
        )
        self._texts = [tokenizer.decode([token]) for token in range(model.config.vocab_size)]
        self._longest_token = max(map(len, self._texts))  # characters
        self._think, self._end_think = tokenizer.convert_tokens_to_ids([THINK, END_THINK])

    @asynccontextmanager
    async def running(self):
        """Draw tokens for as long as the block lasts."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._thread.shutdown()

    def open(self, request: ChatRequest) -> Ticket:
        """Let a request in.

        Raises Refused for a conversation that the model cannot read, or if too many wait already.
        """
        prompt = prompt_of(request)
        if request.thinks:
            prompt = prompt + THINK
        ids = self._encode(prompt)
        room = self.context - len(ids)
        choices = request.n or 1
        if len(self.batch.waiting) + choices > MOST_WAITING:
            raise Refused(429, "too many requests are waiting: try again in a second", code="rate_limit_exceeded")
        replies = [
            Reply(row, Reading(self._texts, request.stops, inside=bool(request.thinks)))
            for row in self._rows(request, ids, room, choices)
        ]
        ticket = Ticket(len(ids), replies, self._leave, eager=bool(request.stream or request.stops))
        for reply in replies:
            self._tickets[reply.row] = (ticket, reply)
            self.batch.add(reply.row)
        self._wake.set()
        return ticket

    def _encode(self, prompt: Prompt) -> list[int]:
        at_least = -(-len(prompt) // self._longest_token)
        try:  # nobody waits until a text is encoded that cannot fit
            ids = encode(self.tokenizer, prompt) if at_least < self.context else []
        except ValueError as error:
            raise Refused(400, str(error), param="messages") from None
        if not 0 < len(ids) < self.context:
            count = str(len(ids) or f"{at_least} or more")
            message = f"the conversation has {count} tokens, and the context is {self.context}: shorten it"
            raise Refused(400, message, code="context_length_exceeded", param="messages")
        return ids

    def _leave(self, reply: Reply) -> None:
        if self._tickets.pop(reply.row, None):
            self.batch.drop(reply.row)
            self._wake.set()

    def _rows(self, request: ChatRequest, ids: list[int], room: int, choices: int) -> list[Row]:
        """Replies draw the numbers that `course.model.generate` draws with the same seed and number of tokens."""
        most = request.max_completion_tokens or request.max_tokens or room
        seed = random.getrandbits(63) if request.seed is None else request.seed
        generator = torch.Generator().manual_seed(seed)
        uniform = [torch.rand(most, generator=generator, device="cpu")[:room].tolist() for _ in range(choices)]
        top = (request.top_logprobs or 0) if request.logprobs else None
        return [
            Row(
                ids,
                numbers,
                1.0 if request.temperature is None else request.temperature,
                1.0 if request.top_p is None else request.top_p,
                barred=(self._think,) if request.thinks is False else (),
                forced=self._ends_thinking(request.budget),
                top=top,
            )
            for numbers in uniform
        ]

    def _ends_thinking(self, budget: int | None) -> Callable[[list[int]], int | None] | None:
        """A function that closes the thoughts, which the prompt began, at `budget` tokens (Muennighoff et al. 2025)."""
        if budget is None:
            return None

        def decide(token_ids: list[int]) -> int | None:
            return self._end_think if len(token_ids) >= budget and self._end_think not in token_ids else None

        return decide

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            if not self.batch.busy:
                await self._wake.wait()
                continue
            try:
                drawn = await loop.run_in_executor(self._thread, self.batch.step)
            except Exception as error:  # told to every client whose reply was being drawn; those that wait go on
                logging.getLogger("course.serve").exception("a step of the model failed")
                self._fail(error)
                continue
            for one in drawn:
                if found := self._tickets.get(one.row):
                    ticket, reply = found
                    reply.tell(one)
                    if ticket.eager or one.row.ended:
                        ticket.news.set()
                    if one.row.ended:
                        del self._tickets[one.row]

    def _fail(self, error: Exception) -> None:
        waiting = set(self.batch.waiting)
        for row in [row for row in self._tickets if row not in waiting]:
            ticket, _ = self._tickets.pop(row)
            ticket.error = Refused(500, f"the model failed: {error}", code="model_failed")
            ticket.news.set()
