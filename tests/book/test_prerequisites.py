"""The refresher: its code runs as it stands and gives what the text says."""

import re
import subprocess
import sys

import pytest

from tests.project import read

PAGE = read("book/prerequisites.md")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXPECTED = [  # worked out by hand: a shape; 2 * 2 + 3; the line that was asked for; p * (1 - p) at one half
    r"torch\.Size\(\[2, 4\]\)",
    r"tensor\(7\.\)",
    r"slope 2\.00, height 1\.00",
    r"estimated 0\.2[456], exact 0\.25",
]


@pytest.mark.slow
def test_the_code_runs_from_top_to_bottom_and_prints_what_was_worked_out_by_hand():
    done = subprocess.run([sys.executable, "-c", "\n".join(CODE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert len(printed) == len(EXPECTED) == len(CODE)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(EXPECTED, printed))


def test_lines_of_code_fit_the_column():
    assert max(len(line) for code in CODE for line in code.splitlines()) <= 80
