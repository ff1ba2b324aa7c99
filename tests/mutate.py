"""Would a test notice? Breaks the library on purpose, one small change at a time, and counts what is noticed.

`make mutate` draws some changes in each module of `world`, `model`, `think` and `learn` (by cosmic-ray's operators: a
sign, a comparison, a number, a `break`) and runs the tests of the module's own file on each, then those of its room,
then that room's slow ones, up to the first that fails. A change that none notices has survived: it names a missing
test, or code that is not needed. What is known is kept in runs/mutants.json, so that the same command goes on where
it was; a survivor is tried again once the tests of its room have changed. Needs a system that can fork: Linux or
macOS.
"""

import argparse
import ast
import contextlib
import difflib
import functools
import hashlib
import importlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("world", "model", "think", "learn")
KNOWN = ROOT / "runs" / "mutants.json"
SLOW_TO_IMPORT = (
    "pytest",
    "hypothesis",
    "beartype",
    "jaxtyping",
    "torch",
    "scipy.stats",
    "transformers",
    "nbval.plugin",
)
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "runs", "_build", "notebooks", "dist", "build")


@dataclass(frozen=True)
class Mutant:
    """A module with one small change."""

    module: str  # such as course/world/sums.py
    name: str  # the operator and the how-manieth place it fits
    code: str
    change: str  # the lines before and after


def main() -> None:
    """Break, test and report; the exit status is 1 if fewer than nine in ten changes are noticed."""
    options = read_options()
    modules = [path for room in ROOMS for path in sorted((ROOT / "course" / room).glob("*.py"))]
    modules = [path for path in modules if path.stem != "__init__" and options.only in path.as_posix()]
    for name in SLOW_TO_IMPORT:  # once, before the forks; nothing of the course, whose code changes
        importlib.import_module(name)
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(ROOT, Path(folder) / "course-broken", ignore=IGNORED))
        for path in modules:
            outcomes |= try_module(copy, path.relative_to(ROOT), options)
    print(report(outcomes))
    sys.exit(killed(outcomes) < 0.9 * len(outcomes))


def read_options() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="course mutate", description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="?", default="", help="part of a path, such as learn/grpo")
    parser.add_argument("--each", type=int, default=15, help="changes drawn for each module (15)")
    parser.add_argument("--all", action="store_true", help="every change there is; takes days")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other changes")
    return parser.parse_args()


def try_module(copy: Path, path: Path, options: argparse.Namespace) -> dict[Mutant, str]:
    """What became of each change drawn in a module: "killed" or "survived"."""
    source = (ROOT / path).read_text(encoding="utf-8")
    rng = random.Random(f"{path.as_posix()} {options.seed}")
    mutants = list(itertools.islice(mutants_of(path.as_posix(), source, rng), None if options.all else options.each))
    known, outcomes = read_known(), {}
    for number, mutant in enumerate(mutants, 1):
        keys = {"killed": key(mutant), "survived": key(mutant, tests_now(path))}
        outcome = next((what for what, name in keys.items() if known.get(name) == what), None)
        if outcome is None:
            outcome = "killed" if is_noticed(copy, path, mutant.code, source) else "survived"
            note(keys[outcome], outcome)
        outcomes[mutant] = outcome
        print(f"{path} {number}/{len(mutants)} {outcome:8} {mutant.name}", flush=True)
        if outcome == "survived":
            print(mutant.change, flush=True)
    return outcomes


def mutants_of(module: str, source: str, rng: random.Random) -> Iterator[Mutant]:
    """Every change of cosmic-ray's operators, shuffled, that changes what runs and not only a type or a docstring."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    before, nodes = what_runs(source), list(ast_nodes(get_ast(source)))
    operators = {name: get_operator(name) for name in operator_names()}
    operators = {
        name: one() for name, one in operators.items() if not one.arguments() and "no_op" not in one.__module__
    }
    fits = {name: sum(len(list(one.mutation_positions(node))) for node in nodes) for name, one in operators.items()}
    places = [(name, place) for name, count in fits.items() for place in range(count)]
    for name, place in rng.sample(places, len(places)):
        code = mutate_code(source, operators[name], place)
        with contextlib.suppress(SyntaxError):  # such as "x not is y"
            if code is not None and what_runs(code) != before:
                yield Mutant(module, f"{name.partition('/')[2]} {place}", code, change(source, code))


def what_runs(source: str) -> str:
    """A module's code without types and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.dump(tree)


def change(before: str, after: str) -> str:
    """The lines that differ."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(f"    {line}" for line in list(lines)[2:])


def tests_of(path: Path) -> list[tuple[str, ...]]:
    """The module's own file of tests and its docstrings, if there are any; all of its room; the room's slow ones."""
    own, room = Path("tests", path.parts[1], f"test_{path.stem}.py"), f"tests/{path.parts[1]}"
    quick = [(str(own), str(path), "-m", "not slow")] * (ROOT / own).exists()
    return [*quick, (room, "-m", "not slow"), (room, "-m", "slow")]


def is_noticed(copy: Path, path: Path, code: str, source: str) -> bool:
    """Whether any test fails, or takes far too long, on the changed module."""
    for suite in tests_of(path):
        limit = allowed(copy, suite)
        try:
            (copy / path).write_text(code, encoding="utf-8")
            if tested(copy, suite, limit) != 0:
                return True
        finally:
            (copy / path).write_text(source, encoding="utf-8")
    return False


@functools.cache
def allowed(copy: Path, suite: tuple[str, ...]) -> float:
    """How long a changed module may take, from how long the sound one does. Raises RuntimeError if that one fails."""
    started = time.monotonic()
    if tested(copy, suite, 3600) != 0:
        raise RuntimeError(f"the tests fail before anything is changed: pytest {' '.join(suite)}")
    return 3 * (time.monotonic() - started) + 20


def tested(copy: Path, suite: tuple[str, ...], limit: float) -> int:
    """The status of pytest in a fork of this process; 1 where it had to be stopped."""
    fork = multiprocessing.get_context("fork").Process(target=run_tests, args=(copy, suite))
    fork.start()
    fork.join(limit)
    if fork.is_alive():
        fork.kill()
        fork.join()
        return 1
    return fork.exitcode


def run_tests(copy: Path, suite: tuple[str, ...]) -> None:
    """Run pytest in the copy, in silence, up to the first failure."""
    import pytest

    os.chdir(copy)
    sys.path[:] = [str(copy), *(place for place in sys.path if Path(place or ".").resolve() != ROOT)]
    os.environ["PYTHONPATH"] = str(copy)
    sys.modules.pop("tests", None)
    sys.dont_write_bytecode = True  # a change within a second and of the same length would not be seen
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *suite])
    os._exit(int(status))


def key(mutant: Mutant, tests: str = "") -> str:
    """The name under which a mutant's outcome is kept: what it is, and the tests it survived."""
    return f"{mutant.module} {mutant.name} {hashlib.sha256((mutant.code + tests).encode()).hexdigest()[:16]}"


def tests_now(path: Path) -> str:
    """All tests of a module's room, as one text."""
    return "".join(one.read_text(encoding="utf-8") for one in sorted((ROOT / "tests" / path.parts[1]).glob("*.py")))


def read_known() -> dict[str, str]:
    """What earlier runs found."""
    return json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {}


def note(name: str, outcome: str) -> None:
    """Keep an outcome for the next run."""
    KNOWN.parent.mkdir(exist_ok=True)
    partial = KNOWN.with_suffix(".partial")
    partial.write_text(json.dumps(read_known() | {name: outcome}, indent=0), encoding="utf-8")
    partial.replace(KNOWN)


def killed(outcomes: dict[Mutant, str]) -> int:
    """How many changes were noticed."""
    return sum(outcome == "killed" for outcome in outcomes.values())


def report(outcomes: dict[Mutant, str]) -> str:
    """The share killed of each module and of all."""
    lines = []
    for module in dict.fromkeys(mutant.module for mutant in outcomes):
        own = {mutant: outcome for mutant, outcome in outcomes.items() if mutant.module == module}
        lines.append(f"{module:40} {killed(own):4} of {len(own):4} killed")
    share = killed(outcomes) / max(1, len(outcomes))
    return "\n".join([*lines, f"{'all':40} {killed(outcomes):4} of {len(outcomes):4} killed: {share:.0%}"])


if __name__ == "__main__":
    main()
