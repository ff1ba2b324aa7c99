"""Claims put to the test: each experiment runs, writes what it found to `results/NAME.json`, and says how it ends.

`course experiment NAME` runs one. What is compared, and what would prove the claim wrong, stands in the code before
anything runs; every comparison ends in a verdict; what fails is written down as failing. Notebooks run a small piece
of an experiment live and read the whole from the file.

Experiments read the test split, which nothing else does but the benchmarks.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path

from course._files import require_writable, write_whole
from course._place import in_clone, workplace
from course.contents import part, with_part
from course.experiments.provenance import Run, code, commit, running
from course.think.evaluation import Comparison, Estimate, Score
from course.world import FAMILIES, draw_problems

THREADS = 2  # another number of threads adds up in another order; pieces that run side by side have one each
FEWEST_SEEDS = 2  # a comparison of seeds needs two
FEWEST_PROBLEMS = 8  # with fewer, some kind of reply that is counted does not occur


@dataclass(frozen=True)
class Findings:
    """What an experiment found."""

    figures: dict  # whatever the experiment measured, by name: numbers, scores, estimates
    comparisons: Mapping[str, Comparison]  # by what is compared with what
    holds: bool  # whether the claim survived: nothing of what would prove it wrong came about
    claims: Mapping[str, bool] = field(default_factory=dict)  # the same for each, where an experiment tests several


def draw_all_families(problems: int) -> None:
    """Draw so many test problems of each family, to see before the work that there are as many."""
    for family in FAMILIES:
        draw_problems(family, problems, split="test")


@dataclass(frozen=True)
class Experiment:
    """A claim, what would prove it wrong, and the function that puts it to the test."""

    name: str
    claim: str  # in one sentence
    falsified_if: str  # decided before it ran
    run: Callable[[int, int], Findings]  # from seeds and problems
    seeds: int | None = None  # where something is trained: then the seed is the unit; None where nothing is
    problems: int | None = 500  # of each family or level; None where no problem is drawn
    threads: int = THREADS  # one where it runs in pieces
    draw: Callable[[int], object] = draw_all_families  # whatever it draws, tried before the work for more problems
    settings: dict = field(default_factory=dict)

    @property
    def origin(self) -> dict:
        """The settings as JSON holds them, by which pieces are known."""
        return json.loads(json.dumps(self.settings))

    def command(self, seeds: int | None, problems: int | None) -> str:
        """What to type to run it with so many seeds and problems."""
        asked = {"--seeds": seeds, "--problems": problems}
        return " ".join(
            ["course experiment", self.name, *(f"{what} {n}" for what, n in asked.items() if n is not None)]
        )


def conduct(experiment: Experiment, seeds: int | None = None, problems: int | None = None) -> dict:
    """Run an experiment and return its record, as `results/NAME.json` holds it.

    `minutes` are those of work: pieces that ran side by side, or before an interruption, are added up. A record of
    files that no commit holds is marked as a draft. Raises ValueError, before any work, for seeds or problems that the
    experiment does not have, for too few, and for more problems than there are.
    """
    require_usable(experiment, seeds, problems)
    seeds = experiment.seeds if seeds is None else seeds
    problems = experiment.problems if problems is None else problems
    import torch

    torch.set_num_threads(experiment.threads)
    at, made_by, start = commit(), code(experiment.run.__module__), time.perf_counter()
    with running(experiment.origin, experiment.threads) as run:
        found = experiment.run(seeds or 0, problems or 0)
    alone = time.perf_counter() - start - run.waited
    draft = (at or "").endswith("+") or code(experiment.run.__module__) != made_by
    return {
        "experiment": experiment.name,
        "claim": experiment.claim,
        "falsified if": experiment.falsified_if,
        "holds": found.holds,
        **({"claims": dict(found.claims)} if found.claims else {}),
        **({"draft": True} if draft else {}),
        "command": experiment.command(seeds, problems),
        **({} if seeds is None else {"seeds": list(range(seeds))}),
        "settings": settings(experiment, problems),
        "comparisons": {what: plain(comparison) for what, comparison in found.comparisons.items()},
        "figures": plain(found.figures),
        "minutes": round((alone + sum(run.seconds)) / 60, 1),
        **_pieces(run),
        "commit": at,
        "torch": torch.__version__,
    }


def settings(experiment: Experiment, problems: int | None) -> dict:
    """The settings in the record of an experiment that was run with so many problems."""
    asked = {} if problems is None else {"problems": problems, "split": "test"}
    return {**asked, "threads": experiment.threads, **experiment.settings}


def require_usable(experiment: Experiment, seeds: int | None, problems: int | None) -> None:
    """Raise ValueError for numbers of seeds or problems that the experiment cannot use; None is its own number."""
    name = experiment.name
    if seeds is not None and experiment.seeds is None:
        raise ValueError(f"{name} trains nothing, so that it has no seeds: leave out --seeds")
    if problems is not None and experiment.problems is None:
        raise ValueError(f"{name} draws no problems: leave out --problems")
    if seeds is not None and seeds < FEWEST_SEEDS:
        raise ValueError(f"{name} compares seed by seed: it needs --seeds {FEWEST_SEEDS} or more")
    if problems is not None and problems < FEWEST_PROBLEMS:
        raise ValueError(f"{name} needs --problems {FEWEST_PROBLEMS} or more")
    if problems is not None and problems > (experiment.problems or 0):
        experiment.draw(problems)


def _pieces(run: Run) -> dict:
    """How many pieces a record is made of, and how many of them an earlier run had done; nothing without pieces."""
    return {"pieces": {"in all": len(run.seconds), "done before": run.resumed}} if run.seconds else {}


def place(name: str, folder: Path | None = None) -> Path:
    """The file for a record: `NAME.json` in a folder, `results/` unless given.

    Raises OSError, before any work, if nothing can be written there.
    """
    path = (folder or workplace() / "results") / f"{name}.json"
    require_writable(path)
    return path


def write(record: dict, folder: Path | None = None) -> Path:
    """Write a record to `NAME.json` in a folder, `results/` unless given, whole or not at all."""
    path = place(record["experiment"], folder)
    write_whole(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return path


def recorded(name: str) -> dict:
    """The record of an experiment, or of a shipped model's examination, that came with the course.

    Without a clone, those that you made in the current folder are found as well. Raises ValueError for a name that is
    no experiment's and for a damaged file, and FileNotFoundError with the command that makes a missing record.
    """
    shipped = resources.files("course") / "results"
    folders = [workplace() / "results"] if in_clone() else [shipped, workplace() / "results"]
    known = {file.name: file for folder in reversed(folders) if folder.is_dir() for file in folder.iterdir()}
    if f"{name}.json" not in known:
        find(name)
        raise FileNotFoundError(f"no results of {name!r} here: make them with `course experiment {name}`")
    file = known[f"{name}.json"]
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged ({error}): restore it, or make it again") from error


def every() -> dict[str, Experiment]:
    """All experiments by name, chapter by chapter."""
    chapters = [part(chapter, "experiments").EXPERIMENTS for chapter in with_part("experiments")]
    return {experiment.name: experiment for several in chapters for experiment in several}


def find(name: str) -> Experiment:
    """The experiment called `name`. Raises ValueError naming the ones there are."""
    known = every()
    if name not in known:
        raise ValueError(f"unknown experiment {name!r}: choose one of {', '.join(known)}")
    return known[name]


def summary(record: dict) -> str:
    """A record in a few lines: the claim, its comparisons, and whether it holds."""
    lines = [record["claim"], f"  falsified if {record['falsified if']}"]
    for what, one in record["comparisons"].items():
        low, high = one["interval"]
        lines.append(f"  {what}: {one['difference']:+.3f} [{low:+.3f}, {high:+.3f}], n={one['n']}: {one['verdict']}")
    ends = {"": record["holds"]} if "claims" not in record else record["claims"]
    said = [f"{claim} {'holds' if holds else 'does not hold'}".strip() for claim, holds in ends.items()]
    return "\n".join([*lines, f"  {', '.join(said)}"])


def plain(found: object) -> object:
    """Figures as JSON can hold them: scores and estimates with their intervals, numbers to four places.

    What is not a number, such as the length of wrong replies where none is wrong, is null; large ones keep four digits.
    """
    if isinstance(found, Score):
        return {"mean": plain(found.mean), "interval": plain(found.interval), "n": found.total}
    if isinstance(found, Comparison):
        return {**plain(asdict(found)), "verdict": found.verdict}
    if isinstance(found, Estimate):
        return plain(asdict(found))
    if isinstance(found, Mapping):
        return {str(name): plain(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(value) for value in found]
    if isinstance(found, float) and abs(found) >= 1e6:
        return float(f"{found:.4g}")
    return (round(found, 4) if math.isfinite(found) else None) if isinstance(found, float) else found


def score(record: Mapping) -> Score:
    """A score that a record holds, as a score again."""
    return Score(round(record["mean"] * record["n"]), record["n"])
