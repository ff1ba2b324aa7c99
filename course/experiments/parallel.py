"""Pieces of an experiment, side by side over processes, each kept as soon as it is done."""

import hashlib
import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

from course._files import write_whole
from course._place import workplace
from course.experiments.provenance import code, commit, current, different
from course.experiments.record import plain

Thing = TypeVar("Thing")


def progress(things: Sequence[Thing], what: str) -> Iterable[Thing]:
    """The same things, with a bar that says how many are left and how long that takes."""
    from tqdm.auto import tqdm

    return tqdm(things, desc=what, leave=False, dynamic_ncols=True)


def pieces(name: str) -> Path:
    """The folder of what an interrupted experiment has done so far. `name` is that of an experiment there is."""
    return workplace() / "runs" / "experiments" / name


def spread(name: str, piece: Callable[..., dict], jobs: Sequence[tuple], *, folder: Path | None = None) -> dict:
    """Run independent pieces of the experiment `name`, one for each job: `piece(*job)`, by job.

    Each runs in a process of its own on one thread, so that its result does not depend on how many run at once; as many
    run as there are cores. `piece` is a module's function, a job holds text and numbers, and a result is something JSON
    holds. It is written to a file at once, with the settings and the code behind it: an experiment that was interrupted
    goes on with what is missing.

    Raises ValueError for pieces of other settings or code, and if the code changes while they run.
    """
    import torch
    from tqdm.auto import tqdm

    run, start = current(), time.perf_counter()
    if run.threads != 1:
        raise RuntimeError(f"pieces run on one thread: the experiment {name!r} has to say threads=1")
    origin = {"settings": dict(run.settings), "code": code(piece.__module__), "torch": torch.__version__}
    folder = folder or pieces(name)
    files = {job: folder / _file_name(job) for job in jobs}
    kept = {job: one for job, file in files.items() if (one := _kept(file, job, origin, name))}
    if kept:
        print(f"{len(kept)} of {len(jobs)} pieces were done before: {folder}")
    missing = [job for job in jobs if job not in kept]
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(max(1, min(_cores(), len(missing))), spawn, initializer=_on_one_thread) as pool,
        tqdm(total=len(missing), desc=name, unit="piece", dynamic_ncols=True) as bar,
    ):
        waiting = {pool.submit(_timed, piece, job): job for job in missing}
        try:
            for done in as_completed(waiting):
                job, found = waiting[done], done.result()
                if changed := different(found.pop("code"), origin["code"]):
                    raise ValueError(f"the code changed while {name} ran ({_few(changed)}): run it again")
                text = json.dumps({"job": job, **origin, "commit": commit(), **found})
                write_whole(files[job], text)
                kept[job] = json.loads(text)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what runs ends, what waits does not begin
            raise
    run.seconds += [kept[job]["seconds"] for job in jobs]
    run.resumed += len(jobs) - len(missing)
    run.waited += time.perf_counter() - start
    return {job: kept[job]["found"] for job in jobs}


def by_arm(found: Mapping[tuple, dict]) -> dict[Any, list[dict]]:
    """What `spread` found, by the first thing in each job: the runs of an arm, in the order of the jobs."""
    runs: dict[Any, list[dict]] = {}
    for (arm, *_), one in found.items():
        runs.setdefault(arm, []).append(one)
    return runs


def _timed(piece: Callable[..., dict], job: tuple) -> dict:
    """A piece's result with the seconds it took and the code that made it."""
    start = time.perf_counter()
    made_by = code(piece.__module__)
    found = plain(piece(*job))
    return {"code": made_by, "seconds": round(time.perf_counter() - start, 1), "found": found}


def _file_name(job: tuple) -> str:
    """A file name for a job: readable, of letters that every system allows, and another for every job."""
    readable = re.sub(r"[^\w.]+", "-", "-".join(map(str, job)))[:60]
    return f"{readable}.{hashlib.sha256(json.dumps(job).encode()).hexdigest()[:8]}.json"


def _kept(file: Path, job: tuple, origin: Mapping, name: str) -> dict | None:
    """A piece that was done before; None if there is none, or a damaged one, which is then made again.

    Raises ValueError for a piece of other settings or code, which names the difference.
    """
    try:
        piece = json.loads(file.read_text(encoding="utf-8"))
        same_job = json.dumps(piece["job"]) == json.dumps(job)
        made = {what: piece[what] for what in (*origin, "commit", "seconds", "found")}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        print(f"{file} is damaged: this piece is made again")
        return None
    told = []
    if names := different(made["settings"], origin["settings"]):
        values = [f"{one}: {made['settings'].get(one)} then, {origin['settings'].get(one)} now" for one in names]
        told.append(f"with other settings ({_few(values)})")
    if names := different(made["code"], origin["code"]):
        told.append(f"by other code ({_few(names)}; commit {made['commit']} then, {commit()} now)")
    if made["torch"] != origin["torch"]:
        told.append(f"with torch {made['torch']}, which is {origin['torch']} now")
    if not same_job:
        told.append("for another job")
    if told:
        raise ValueError(f"{file} was made {' and '.join(told)}: `course experiment {name} --fresh` begins again")
    return piece


def _few(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _on_one_thread() -> None:
    import torch

    torch.set_num_threads(1)
