"""Talking to a model: one question on the command line, or a server that programs and pages ask."""

import json
import sys
from typing import Annotated

import typer

DIM, BRIGHT, PLAIN = "\033[2m", "\033[1m", "\033[0m"  # of terminals; left out where nobody looks
_LABELS = {True: f"{PLAIN}\n{DIM}thinking  ", False: f"{PLAIN}\n{BRIGHT}answer    "}


def ask(
    question: Annotated[str, typer.Argument(help="in quotes, in English")],
    model: Annotated[str, typer.Option(help="a model of the course, a folder, or one on the Hub")] = "mini-base",
    think: Annotated[bool, typer.Option("--think/--plain", help="force it to think first, or ask directly")] = False,
    samples: Annotated[int, typer.Option(min=1, help="how many replies to draw")] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 for the most probable reply")] = 1.0,
    seed: Annotated[int, typer.Option(help="another seed, other replies")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="for programs: one line of JSON for each reply")] = False,
) -> None:
    """Ask a model a question; prompt, thinking and answer are shown apart, on a terminal as they are written."""
    from course.model import generate, load
    from course.teach.transcripts import transcript
    from course.think.prompting import direct, force_thinking
    from course.think.rollouts import read_reply

    network, tokenizer = load(model)
    prompt = (force_thinking if think else direct)(question)
    settings = {"temperature": temperature, "seed": seed}
    if sys.stdout.isatty() and samples == 1 and not as_json:
        _as_it_is_written(network, tokenizer, prompt, settings)
        return
    completions = generate(network, tokenizer, [prompt], samples, **settings)[0]
    if not as_json:
        print(transcript(prompt, completions))
        return
    for completion in completions:
        reply = read_reply(prompt, completion)
        fields = {"reasoning_content": reply.reasoning, "content": reply.answer}
        print(json.dumps({"model": model, "prompt": prompt, **fields, "finished": completion.finished}))


def serve(
    model: Annotated[list[str] | None, typer.Option(help="a model of the course or a folder; may be repeated")] = None,
    host: Annotated[str, typer.Option(help="the address to listen at")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free")] = 8000,
    key: Annotated[
        str | None, typer.Option(envvar="COURSE_KEY", help="what clients have to pass as api_key; none unless given")
    ] = None,
) -> None:
    """Serve a model to programs that speak OpenAI's API, and on a page to chat with (mini-zero unless named)."""
    from course.serve.server import run

    run(model or ["mini-zero"], host, port, key)


def _as_it_is_written(network, tokenizer, prompt: str, settings: dict) -> None:
    """The text of a transcript, token by token: thoughts dim and the answer bright."""
    from course.model.sampling import stream
    from course.teach.transcripts import NO_ANSWER, TRUNCATED
    from course.world.conversation import begun
    from course.world.tokenizer import END_THINK, THINK

    inside, shown, held, finished = begun(prompt).rstrip().endswith(THINK), None, "", False

    def reply():
        nonlocal finished
        finished = yield from stream(network, tokenizer, prompt, **settings)

    print(f"prompt    {prompt}", end="")
    try:
        for text in reply():
            if text in (THINK, END_THINK):
                inside = text == THINK
                continue
            text = held + text
            new = text.rstrip()  # white space at the end of either is not part of it
            held = text[len(new) :]
            if new and inside is not shown:
                shown, new = inside, new.lstrip()
                print(_LABELS[inside], end="")
            print(new.replace("\n", "\n" + " " * 10) if inside else new, end="", flush=True)
        if shown is not False:
            print(f"{_LABELS[False]}{NO_ANSWER if finished else TRUNCATED}", end="")
        elif not finished:
            print(f" {TRUNCATED}", end="")
    finally:  # also where somebody stops it
        print(PLAIN)
