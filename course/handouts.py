"""Notebooks for a class: one set without solutions for the learners, and one with them for the teacher.

A learner who has the library can find its solutions in it: a handout takes them off the page, so that a class works
before it looks, and it hides nothing.
"""

import inspect
import re
from pathlib import Path
from types import CodeType, ModuleType

import nbformat
from nbformat import NotebookNode

from course._files import write_whole
from course.notebooks import read
from course.teach import colab
from course.teach.exercises import Exercise, find

TASK = re.compile(r'\btask\("([\w.]+)"\)')
CHECK = re.compile(r'\bcheck\("([\w.]+)", (\w+)\)')
STUB = r"def {}\(.*\):\n    raise NotImplementedError"


def hand_out(notebooks: list[Path], folder: Path, wheel: str = "", outputs: bool = False) -> list[Path]:
    """Write each notebook into `learners/` without solutions and into `teachers/` with each solution in its place.

    The teachers' set keeps what the course's own run printed. The learners' set does not, unless asked for, since it
    shows what a class should predict first. `wheel` is the address or the path from which Colab gets the library.
    Returns the files. Raises ValueError for a file that is no notebook.
    """
    written = []
    for path in notebooks:
        for set_name, make in (("learners", for_learners), ("teachers", for_teachers)):
            notebook = make(_begun(read(path), wheel))
            if set_name == "learners" and not outputs:
                for cell in notebook.cells:
                    _forget(cell)
            written.append(folder / set_name / path.name)
            write_whole(written[-1], nbformat.writes(notebook).rstrip("\n") + "\n")
    return written


def for_learners(notebook: NotebookNode) -> NotebookNode:
    """The notebook with tasks that fold up no solution. What a task or a check has printed is dropped."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and (TASK.search(cell.source) or CHECK.search(cell.source)):
            cell.source = TASK.sub(r'task("\1", solution=False)', cell.source)
            _forget(cell)
    return notebook


def for_teachers(notebook: NotebookNode) -> NotebookNode:
    """The notebook with every exercise solved, as by a learner who got it right."""
    for cell in notebook.cells:
        found = CHECK.search(cell.source) if cell.cell_type == "code" else None
        if found:
            cell.source = _solved(cell.source, find(found[1]), found[2])
            _forget(cell)
    return notebook


def _begun(notebook: NotebookNode, wheel: str) -> NotebookNode:
    """The notebook with its own first cell, and without the badge, which opens the course's copy and not this one."""
    first = next((cell for cell in notebook.cells if cell.cell_type == "code"), None)
    if wheel and first is not None and "COURSE_WHEEL" in first.source:
        first.source = colab.bootstrap_cell(wheel)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"^\[Open in Colab\]\(.*\)\n+", "", cell.source, flags=re.MULTILINE)
    return notebook


def _solved(source: str, exercise: Exercise, attempt: str) -> str:
    """A cell that checks an exercise, with the solution in place of the stub or of None."""
    if not exercise.inputs:
        return re.sub(rf"(?m)^{attempt} = None", lambda _: f"{attempt} = {exercise.reference!r}", source)
    own = exercise.reference.__name__
    solution = re.sub(rf"\b{own}\b", attempt, exercise.solution)
    imports = "".join(f"{line}\n" for line in needs(exercise.reference))
    body = f"{imports}\n\n{solution}" if imports else solution
    return re.sub(STUB.format(attempt), lambda _: body, source)


def needs(function) -> list[str]:
    """The lines that bring the names a function takes from its module, as a cell of its own has to."""
    module, function = inspect.getmodule(function), inspect.unwrap(function)
    names = sorted(name for name in _names(function.__code__) - {function.__name__} if name in vars(module))
    return sorted(_import(name, vars(module)[name], module.__name__) for name in names)


def _names(code: CodeType) -> set[str]:
    """The global names that a code object may read, in the functions inside it too."""
    inside = (_names(one) for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*inside)


def _import(name: str, thing: object, module: str) -> str:
    """The line that imports a name of a module, from where the thing itself comes if it is a module or a public one."""
    if isinstance(thing, ModuleType):
        package, _, last = thing.__name__.rpartition(".")
        brought = f"from {package} import {last}" if package else f"import {last}"
        return brought if last == name else f"{brought} as {name}"
    home = getattr(thing, "__module__", module) if getattr(thing, "__name__", "") == name else module
    return f"from {home} import {name}"


def _forget(cell: NotebookNode) -> None:
    """Drop what a code cell has printed."""
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
