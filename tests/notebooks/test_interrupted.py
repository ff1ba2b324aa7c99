"""The run of chapter 6 in a kernel that is interrupted, as by the square in the toolbar: what was learned stays."""

import re

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from tests.project import ROOT


def cells_of_the_run():
    """The imports, the cell that sets the run up (made longer), and the cell that runs it."""
    notebook = nbformat.read(ROOT / "notebooks" / "06_grpo.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    imports = [source for source in sources if "import" in source and "find_spec" not in source][:2]
    (setup,) = (source for source in sources if "GRPOConfig(steps=2, prompts=10) if quick" in source)
    (run,) = (source for source in sources if "checkpoint=progress" in source)
    return ["PRESET = 'quick'", *imports, setup.replace("steps=2", "steps=300")], run


def interrupt_beyond(step, manager, client, source):
    """Run a cell until its progress bar is beyond this step, then interrupt the kernel; returns how the cell ended.

    On a busy machine steps that a second run only draws again may be shown one by one: pictures are no measure.
    """
    sent, done = client.execute(source), 0
    while done <= step:
        message = client.get_iopub_msg(timeout=120)
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == "update_display_data":
            bar = re.search(r'<progress value="(\d+)"', message["content"]["data"].get("text/html", ""))
            done = int(bar[1]) if bar else done
    manager.interrupt_kernel()
    while True:
        reply = client.get_shell_msg(timeout=120)
        if reply["parent_header"]["msg_id"] == sent:
            return reply["content"]["status"]


@pytest.mark.slow
def test_an_interrupted_run_keeps_what_it_learned_and_goes_on_with_the_next_step():
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT / "notebooks"))

    def value(expression):
        sent = client.execute("", user_expressions={"it": expression})
        while True:
            reply = client.get_shell_msg(timeout=120)
            if reply["parent_header"]["msg_id"] == sent:
                return reply["content"]["user_expressions"]["it"]["data"]["text/plain"]

    try:
        setup, run = cells_of_the_run()
        for source in setup:
            assert client.execute_interactive(source, timeout=240)["content"]["status"] == "ok"
        assert interrupt_beyond(1, manager, client, run) == "ok", "interrupting is no error"
        first = int(value("max(history)"))
        assert first > 0 and value("torch.equal(model.embedding.weight, base.embedding.weight)") == "False"
        said = value("generate(model, tokenizer, [prompting.direct('What is 2+3?')], seed=1)[0][0].finished")
        assert said in ("True", "False")
        assert interrupt_beyond(first, manager, client, run) == "ok"
        assert int(value("max(history)")) > first
        assert value("list(history) == list(range(1, max(history) + 1))") == "True", "no step twice, none left out"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
