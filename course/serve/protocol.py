"""What a client may ask and how it is refused: the chat completions of OpenAI's API, with the thinking of DeepSeek's.

Fields that would change a reply and that our models cannot honor are refused, not ignored. What no field here names is
ignored, as clients send many.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from course.world.conversation import Message, Prompt, course_format, worked_reply

MOST_MESSAGES = 64
LONGEST_TEXT = 20_000  # characters of one message
MOST_CHOICES = 16
BUDGETS = {"minimal": 16, "low": 32, "medium": 64, "high": None, "xhigh": None, "max": None}  # tokens of thinking

Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
StopString = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Refused(Exception):
    """A request that is not served: the HTTP status, and the error as clients of this API expect it."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None):
        super().__init__(message)
        self.status, self.code, self.param = status, code, param

    def body(self) -> dict:
        """The body of the answer."""
        kinds = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
        kind = kinds.get(self.status, "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore")


class TextPart(_Asked):
    """A piece of a message's content."""

    type: Literal["text"]
    text: Text


class Function(_Asked):
    """A function that was called."""

    name: Text
    arguments: Text = ""


class ToolCall(_Asked):
    """A call of a tool in an earlier turn."""

    id: Text
    type: Literal["function"] = "function"
    function: Function


class ChatMessage(_Asked):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[TextPart], Field(max_length=MOST_MESSAGES)] | None = None
    reasoning_content: Text | None = None
    reasoning: Text | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=MOST_MESSAGES)] | None = None
    tool_call_id: Text | None = None

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class Thinking(_Asked):
    """Whether the model thinks."""

    type: Literal["enabled", "disabled"]


class StreamOptions(_Asked):
    """What a stream ends with."""

    include_usage: bool | None = None


class ChatRequest(_Asked):
    """The body of a request for a chat completion."""

    model: Text
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    max_tokens: Annotated[int, Field(ge=1, le=10**6)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=10**6)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: StopString | Annotated[list[StopString], Field(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    thinking: Thinking | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None

    @property
    def thinks(self) -> bool | None:
        """Whether the model has to think, must not, or decides by itself (None)."""
        if self.thinking is not None:
            return self.thinking.type == "enabled"
        return None if self.reasoning_effort is None else self.reasoning_effort != "none"

    @property
    def budget(self) -> int | None:
        """The most tokens of thinking, after which the answer has to follow; None for no such limit."""
        return BUDGETS.get(self.reasoning_effort or "high")

    @property
    def stops(self) -> tuple[str, ...]:
        """The strings that end an answer."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


def require_supported(request: ChatRequest) -> None:
    """Refuse what would change a reply and is not done here."""
    for field in ("presence_penalty", "frequency_penalty", "logit_bias"):
        if getattr(request, field):
            raise Refused(400, f"{field} is not supported: leave it out", param=field)
    if request.response_format and request.response_format.get("type") != "text":
        raise Refused(400, "only response_format of type text is supported", param="response_format")
    if request.tool_choice not in (None, "auto", "none"):
        raise Refused(400, "the models cannot be made to call a tool: leave tool_choice out", param="tool_choice")
    if request.top_logprobs is not None and not request.logprobs:
        raise Refused(400, "top_logprobs needs logprobs to be true", param="top_logprobs")
    if request.thinking and request.reasoning_effort and request.thinks is (request.reasoning_effort == "none"):
        raise Refused(400, "thinking and reasoning_effort contradict each other: leave one out", param="thinking")


def prompt_of(request: ChatRequest) -> Prompt:
    """The conversation as the model reads it, up to where its reply begins.

    Thoughts of earlier turns are left out, as DeepSeek's API leaves them out; where a turn called a tool they are part
    of the history and have to come back. Everything that a client wrote counts as typed: `<assistant>` in a message is
    eleven characters to the model.
    """
    messages: list[Message] = []
    for number, message in enumerate(request.messages):
        where = f"messages[{number}]"
        if message.role in ("system", "developer"):
            raise Refused(400, "the models have read no system messages: put it into the question", param=where)
        if message.role == "tool":
            if not message.tool_call_id:
                raise Refused(400, "a tool's result needs its tool_call_id", param=where)
            messages.append(("user", message.text))
        elif message.role == "user":
            if not message.text.strip():
                raise Refused(400, "the question is empty: ask something", param=where)
            messages.append(("user", message.text.strip()))
        else:
            messages.append(("assistant", _of_assistant(message, where, thinks=request.thinks is not False)))
    if request.messages[-1].role == "assistant":
        raise Refused(400, "the last message has to be the user's, or a tool's result", param="messages")
    return course_format(messages)


def _of_assistant(message: ChatMessage, where: str, *, thinks: bool) -> str:
    if not message.tool_calls:
        return worked_reply(message.text)
    thoughts = message.reasoning_content if message.reasoning_content is not None else message.reasoning
    if thoughts is None and thinks:
        raise Refused(
            400,
            "the reasoning_content of a turn that called a tool must be passed back: keep it in the message",
            code="missing_reasoning_content",
            param=f"{where}.reasoning_content",
        )
    called = " ".join(f"{call.function.name}({call.function.arguments})" for call in message.tool_calls)
    return worked_reply(f"{message.text} {called}".strip(), thoughts.split("\n") if thoughts else None)
