"""Claims put to the test: each experiment runs, writes what it found to `results/NAME.json`, and says how it ends.

`course experiment NAME` runs one. What is compared, and what would prove the claim wrong, stands in the code before
anything runs; every comparison ends in a verdict; what fails is written down as failing. Notebooks run a small piece
of an experiment live and read the whole from the file.

Experiments read the test split, which nothing else does but the benchmarks.
"""

import json
import math
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path

from course.contents import part, with_part
from course.think.evaluation import Comparison, Estimate, Score

ROOT = Path(__file__).resolve().parents[2]
THREADS = 2  # another number of threads adds up in another order; pieces that run side by side have one each


@dataclass(frozen=True)
class Findings:
    """What an experiment found."""

    figures: dict  # whatever the experiment measured, by name: numbers, scores, estimates
    comparisons: Mapping[str, Comparison]  # by what is compared with what
    holds: bool  # whether the claim survived: nothing of what would prove it wrong came about
    claims: Mapping[str, bool] = field(default_factory=dict)  # the same for each, where an experiment tests several


@dataclass(frozen=True)
class Experiment:
    """A claim, what would prove it wrong, and the function that puts it to the test."""

    name: str
    claim: str  # in one sentence
    falsified_if: str  # decided before it ran
    run: Callable[[int, int], Findings]  # from seeds and problems
    seeds: int = 1  # more than one where something is trained: then the seed is the unit
    problems: int = 500  # of each family or level
    settings: dict = field(default_factory=dict)


def conduct(experiment: Experiment, seeds: int | None = None, problems: int | None = None) -> dict:
    """Run an experiment and return its record, as `results/NAME.json` holds it.

    Raises ValueError for less than one seed or problem.
    """
    seeds, problems = seeds or experiment.seeds, problems or experiment.problems
    if min(seeds, problems) < 1:
        raise ValueError("an experiment needs at least one seed and one problem")
    import torch

    torch.set_num_threads(THREADS)
    start = time.perf_counter()
    found = experiment.run(seeds, problems)
    return {
        "experiment": experiment.name,
        "claim": experiment.claim,
        "falsified if": experiment.falsified_if,
        "holds": found.holds,
        **({"claims": dict(found.claims)} if found.claims else {}),
        "command": f"course experiment {experiment.name} --seeds {seeds} --problems {problems}",
        "seeds": list(range(seeds)),
        "settings": {"problems": problems, "split": "test", "threads": THREADS, **experiment.settings},
        "comparisons": {what: plain(comparison) for what, comparison in found.comparisons.items()},
        "figures": plain(found.figures),
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "commit": commit(),
        "torch": torch.__version__,
    }


def write(record: dict, folder: Path | None = None) -> Path:
    """Write a record to `NAME.json` in a folder, `results/` of the repository unless given."""
    path = (folder or ROOT / "results") / f"{record['experiment']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def recorded(name: str) -> dict:
    """The committed record of an experiment. Raises FileNotFoundError with the command that makes it."""
    for folder in (ROOT / "results", resources.files("course") / "results"):
        path = folder / f"{name}.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    raise FileNotFoundError(f"no results of {name!r} here: make them with `course experiment {name}`")


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


def commit() -> str | None:
    """The commit the code is at, with a plus behind it if files differ; None outside a clone."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "course"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return head[:12] + "+" * bool(changed)
