"""What every test stands on: no network, shapes checked at run time, one thread, a browser where there can be one."""

import itertools
import os
import sys
from pathlib import Path

import pytest

import tests.no_network.sitecustomize  # noqa: F401 (importing it blocks this process)
from course._threads import wait_passively
from tests.typecheck import check_signatures

NUMBERS = itertools.count()
GUARD = str(Path(__file__).parent / "no_network")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [GUARD, os.environ.get("PYTHONPATH")]))  # and those it starts
os.environ |= {"HF_HUB_OFFLINE": "1", "JUPYTER_PLATFORM_DIRS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
wait_passively()  # kernels share the cores: threads that spin took ten times as long
check_signatures()

from tests.chrome import NO_BROWSER, browser, chrome  # noqa: E402, F401 (the hook comes first; these are fixtures)
from tests.site import address, site  # noqa: E402, F401 (so are these)


@pytest.fixture(autouse=True)
def one_thread():
    """The same sums in the same order, whatever an earlier test or the machine has set."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def progress_of_nobody(tmp_path_factory, monkeypatch):
    """Exercises solved in a test count for no reader. The folder is made when something is written there."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path_factory.getbasetemp() / "homes" / str(next(NUMBERS))))


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items):
    """Tests with a browser run one after the other, in one worker."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))


def pytest_terminal_summary(terminalreporter):
    """Say loudly what was left out for want of a browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [report.nodeid for report in skipped if NO_BROWSER in str(report.longrepr)]
    if not left_out:
        return
    terminalreporter.section("LEFT OUT: these need a browser", sep="!", red=True, bold=True)
    for name in left_out:
        terminalreporter.line(name)
    terminalreporter.line(f"{NO_BROWSER} was found. Install one (apt-get install chromium) or set CHROME to its path.")
