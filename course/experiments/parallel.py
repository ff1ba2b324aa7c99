"""Pieces of an experiment, side by side over processes, each kept as soon as it is done."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

from course.experiments.record import ROOT, plain

Thing = TypeVar("Thing")
PIECES = ROOT / "runs" / "experiments"  # what an interrupted experiment has done so far


def progress(things: Sequence[Thing], what: str) -> Iterable[Thing]:
    """The same things, with a bar that says how many are left and how long that takes."""
    from tqdm.auto import tqdm

    return tqdm(things, desc=what, leave=False, dynamic_ncols=True)


def spread(name: str, piece: Callable[..., dict], jobs: Sequence[tuple], *, folder: Path | None = None) -> dict:
    """Run independent pieces of the experiment `name`, one for each job: `piece(*job)`, by job.

    Each runs in a process of its own on one thread, so that its result does not depend on how many run at once; as many
    run as there are cores. `piece` is a module's function, a job holds text and numbers, and a result is something JSON
    holds. It is written to a file at once: an experiment that was interrupted goes on with what is missing, and what it
    finds done it names. Delete the folder, or ask for `--fresh`, to begin again.
    """
    from tqdm.auto import tqdm

    folder = folder or PIECES / name
    folder.mkdir(parents=True, exist_ok=True)
    files = {job: folder / f"{'-'.join(map(str, job))}.json" for job in jobs}
    missing = [job for job in jobs if not files[job].is_file()]
    if len(missing) < len(jobs):
        print(f"{len(jobs) - len(missing)} of {len(jobs)} pieces were done before: {folder}")
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(max(1, min(_cores(), len(missing))), spawn, initializer=_on_one_thread) as pool,
        tqdm(total=len(missing), desc=name, unit="piece", dynamic_ncols=True) as bar,
    ):
        waiting = {pool.submit(piece, *job): job for job in missing}
        try:
            for done in as_completed(waiting):
                partial = files[waiting[done]].with_suffix(".partial")
                partial.write_text(json.dumps(plain(done.result())), encoding="utf-8")
                partial.replace(files[waiting[done]])  # whole or not at all
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what runs ends, what waits does not begin
            raise
    return {job: json.loads(file.read_text(encoding="utf-8")) for job, file in files.items()}


def by_arm(found: Mapping[tuple, dict]) -> dict[Any, list[dict]]:
    """What `spread` found, by the first thing in each job: the runs of an arm, in the order of the jobs."""
    runs: dict[Any, list[dict]] = {}
    for (arm, *_), one in found.items():
        runs.setdefault(arm, []).append(one)
    return runs


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _on_one_thread() -> None:
    import torch

    torch.set_num_threads(1)
