"""The addresses that the server answers: `/v1/models`, `/v1/chat/completions`, and a page to chat on."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import resources

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from course._version import installed
from course.serve.engine import Engine, Ticket
from course.serve.guard import LOOPBACK, Guard
from course.serve.protocol import ChatRequest, Refused, require_supported
from course.serve.replies import chunks, whole

ALIASES = ("deepseek-reasoner", "deepseek-flash")  # names that snippets on the web use, for the first model
PAGE_MAY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


def build(
    models: dict[str, tuple], *, places: int = 32, hosts: tuple[str, ...] | None = LOOPBACK, key: str | None = None
) -> FastAPI:
    """The application, for models by name as `course.model.load` returns them. Every model has a batch of its own."""
    engines: dict[str, Engine] = {}
    began = int(time.time())

    @asynccontextmanager
    async def lifespan(_: FastAPI):
        async with AsyncExitStack() as stack:
            for name, (model, tokenizer) in models.items():
                engines[name] = await stack.enter_async_context(Engine(model, tokenizer, places).running())
            yield

    no_pages = {"docs_url": None, "redoc_url": None}  # the usual ones of documentation load scripts from elsewhere
    app = FastAPI(title="Think Step by Step", version=installed(), lifespan=lifespan, **no_pages)
    app.add_middleware(Guard, hosts=hosts, key=key)
    _explain_errors(app)
    _open_to_all(app)
    first = next(iter(models))

    def described(name: str) -> dict:
        root = known(name)  # vLLM's word for the model behind another name
        return {"id": name, "object": "model", "created": began, "owned_by": "think-step-by-step", "root": root}

    def known(name: str) -> str:
        found = first if name in ALIASES else name
        if found not in models:
            message = f"there is no model {name[:100]!r} here: ask for {' or '.join([*models, *ALIASES])}"
            raise Refused(404, message, code="model_not_found", param="model")
        return found

    @app.get("/v1/models")
    async def list_models() -> dict:
        return {"object": "list", "data": [described(name) for name in (*models, *ALIASES)]}

    @app.get("/v1/models/{name}")
    async def one_model(name: str) -> dict:
        return described(name)

    @app.post("/v1/chat/completions", response_model=None)
    async def complete(body: ChatRequest, request: Request) -> JSONResponse | StreamingResponse:
        require_supported(body)
        name = known(body.model)
        engine = engines[name]
        ticket = engine.open(body)
        if body.stream:
            events = _closing(ticket, chunks(body, name, ticket))
            return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        try:
            return JSONResponse(await _unless_gone(request, whole(body, name, ticket)))
        finally:
            ticket.close()

    return app


def _open_to_all(app: FastAPI) -> None:
    """What needs no key: the page to chat on, and whether the server is there."""

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        text = (resources.files("course.serve") / "page.html").read_text(encoding="utf-8")
        return HTMLResponse(text, headers={"Content-Security-Policy": PAGE_MAY, "Referrer-Policy": "no-referrer"})

    @app.get("/health")
    async def health() -> dict:
        return {"status": "ok"}


def _explain_errors(app: FastAPI) -> None:
    """Every error in the form that clients of this API turn into their own exceptions."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse(error.body(), error.status, {"Retry-After": "1"} if error.status == 429 else None)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # of a field's several forms, the one that fits best: a list that is too long is no mistaken string
        worst = max(error.errors(), key=lambda one: (len(one["loc"]), not one["type"].endswith("_type")))
        # names of fields and numbers, without Pydantic's names for the forms of a field, such as "constrained-str"
        parts = [str(part) for part in worst["loc"][1:] if isinstance(part, int) or part.isidentifier()]
        where = ".".join(parts) or "body"
        message = f"{where}: {worst['msg']}"
        if worst["type"] == "json_invalid":
            where, message = "body", f"the body is not JSON: {worst['ctx']['error']} at character {worst['loc'][-1]}"
        return JSONResponse(Refused(400, message[:500], code="invalid_value", param=where[:200]).body(), 400)

    @app.exception_handler(HTTPException)
    async def elsewhere(_: Request, error: HTTPException) -> JSONResponse:
        remedy = "send JSON" if error.status_code == 400 else "this server has /v1/models and /v1/chat/completions"
        body = Refused(error.status_code, f"{error.detail}: {remedy}").body()
        return JSONResponse(body, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(Refused(500, f"the server failed: {type(error).__name__}").body(), 500)


async def _closing(ticket: Ticket, events):
    """The events; however they end, the places of the replies become free."""
    try:
        async for event in events:
            yield event
    finally:
        ticket.close()


async def _unless_gone(request: Request, work):
    """The result, unless the client leaves before it is there; then the work ends at once."""
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_leaves(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refused(499, "the client has left")
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await one


async def _leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
