"""How the threads of PyTorch wait for each other: asleep, so that two notebooks can share one laptop.

PyTorch's threads (OpenMP) spin while they wait. That is quick on an idle machine; beside one other busy process,
drawing ten replies on two threads took 14.7 seconds instead of 0.2. How they wait is read from the environment while
PyTorch is loaded, so importing `course` sets it and has to come first; every process started from here inherits it.
Sleeping at once would cost an idle machine a tenth of its speed, as waking takes longer than the gap between two
products of matrices; so threads look for work a few microseconds longer, and small sampling steps use one thread.
"""

import os
import sys
import warnings

SHORT = "5000"  # looks for work before a thread of GNU's OpenMP sleeps; it has 300,000 of its own
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")  # a reader who sets one of these has decided


def wait_passively() -> None:
    """Let waiting threads sleep soon. If PyTorch is loaded already, it is too late: one thread then, with a warning."""
    if any(name in os.environ for name in SETTINGS):
        return
    os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": SHORT}
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        warnings.warn(
            "PyTorch was imported before the course, so its threads wait busily and slow each other down: it uses one "
            "thread now. Write `import course` before `import torch` and restart to use all of them.",
            stacklevel=3,
        )
