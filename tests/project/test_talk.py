"""`course ask` and `course serve`: what a terminal shows, what programs read, and mistakes in one line."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest

from course.model import Completion, generate, load
from course.think.prompting import direct, force_thinking
from course.think.rollouts import read_reply

DIM, BRIGHT, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"
LETTERS = "How many r's are in strawberry?"


def on_a_terminal(*arguments):
    """What `course ask` writes where somebody looks, with its escape sequences."""
    looking, writing = os.openpty()
    command = [sys.executable, "-m", "course", "ask", *map(str, arguments)]
    with subprocess.Popen(command, stdin=writing, stdout=writing, stderr=writing) as process:
        os.close(writing)
        written = b""
        while True:
            try:
                written += (part := os.read(looking, 65536))
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
    os.close(looking)
    assert process.returncode == 0, written
    return written.decode().replace("\r\n", "\n")


def run(*arguments):
    command = [sys.executable, "-m", "course", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


POSIX = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("how", [["--think"], ["--plain"], ["--plain", "--model", "mini-zero", "--seed", 3]], ids=str)
def test_a_terminal_shows_thoughts_dim_and_the_answer_bright_and_the_same_text(how):
    shown = on_a_terminal(LETTERS, *how)
    assert re.sub(r"\x1b\[\d*m", "", shown) == run("ask", LETTERS, *how).stdout
    head, _, reply = shown.partition("\n")
    assert DIM not in head and BRIGHT not in head
    thoughts, _, answer = reply.partition(BRIGHT)
    assert answer.startswith("answer    ") and answer.endswith(f"{PLAIN}\n") and DIM not in answer
    if how != ["--plain"]:
        assert thoughts.startswith(f"{DIM}thinking  ") and thoughts.endswith(f"{PLAIN}\n")


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Asks on something that says it is a terminal, of a model that says what it is told to."""
    from course import talk

    def ask(pieces, finished=True, prompt=direct):
        def stream(*_, **__):
            yield from pieces
            return finished

        monkeypatch.setattr("course.model.sampling.stream", stream)
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        talk.ask("hi", think=prompt is force_thinking)
        shown = capsys.readouterr().out
        expected = [Completion("".join(pieces), [], [], finished)]
        monkeypatch.setattr("sys.stdout.isatty", lambda: False)
        monkeypatch.setattr("course.model.generate", lambda *_, **__: [expected])
        talk.ask("hi", think=prompt is force_thinking)
        return shown, capsys.readouterr().out

    return ask


@pytest.mark.parametrize(
    ("pieces", "finished", "prompt"),
    [
        (["<think>", "s", " 0", "\n", "t", " 0", "\n", "</think>", "3"], True, direct),
        (["s", " 0", "\n", "\n", " t", "\n", "</think>", " ", "3", "\n"], True, force_thinking),
        (["3"], True, direct),
        (["<think>", "1", "\n", "2"], False, direct),
        (["1", "\n"], True, force_thinking),
        ([], True, direct),
    ],
    ids=["thinks", "forced", "plain", "truncated", "ends in its thoughts", "empty"],
)
def test_what_is_written_token_by_token_is_the_transcript(terminal, pieces, finished, prompt):
    shown, transcript = terminal(pieces, finished, prompt)
    assert re.sub(r"\x1b\[\d*m", "", shown) == transcript
    assert shown.endswith(f"{PLAIN}\n")


def test_an_answer_that_is_truncated_is_shown_as_far_as_it_came(terminal):
    shown, _ = terminal(["1", "2"], False)
    assert "answer    12 (none: it did not come to an end)" in shown


def test_colors_end_where_somebody_stops_it(terminal, capsys):
    def stopped():
        yield "3"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        terminal(stopped())
    assert capsys.readouterr().out.endswith(f"{PLAIN}\n")


@pytest.mark.slow
@pytest.mark.parametrize(("how", "prompt"), [("--think", force_thinking), ("--plain", direct)])
def test_programs_read_a_line_of_json_for_each_reply(how, prompt):
    done = run("ask", LETTERS, how, "--json", "--samples", 3, "--seed", 4, "--temperature", 1.3, "--model", "mini-zero")
    assert done.returncode == 0, done.stderr
    expected = generate(*load("mini-zero"), [prompt(LETTERS)], samples=3, seed=4, temperature=1.3)[0]
    replies = [read_reply(prompt(LETTERS), one) for one in expected]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "model": "mini-zero",
            "prompt": prompt(LETTERS),
            "reasoning_content": reply.reasoning,
            "content": reply.answer,
            "finished": one.finished,
        }
        for reply, one in zip(replies, expected)
    ]


@POSIX
@pytest.mark.slow
def test_json_on_a_terminal_is_json_without_colors():
    (line,) = on_a_terminal("What is 2+3?", "--json").splitlines()
    assert set(json.loads(line)) == {"model", "prompt", "reasoning_content", "content", "finished"}


@pytest.mark.slow
def test_what_keeps_a_server_from_starting_is_one_line_that_names_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            (["--port", port], "choose another --port"),
            (["--host", "0.0.0.0"], "give it a --key"),
            (["--port", 0, "--model", "no-such-model"], "the course ships"),
        ]
        for arguments, remedy in cases:
            done = run("serve", *arguments)
            assert done.returncode == 2 and remedy in done.stderr, done.stderr
            assert done.stderr.count("\n") == 1 and done.stderr.startswith("course: ")
