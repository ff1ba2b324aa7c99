"""A real browser that reaches this machine and nothing else: fixtures for every test."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Route, sync_playwright

from course.doctor import find_browser

NO_BROWSER = "no Chrome or Chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
HERE = re.compile(r"^(https?://(127\.0\.0\.1|localhost)[:/]|data:|blob:|about:|file:)")


@pytest.fixture(scope="session")
def chrome() -> str:
    """The path of a Chrome or Chromium; Debian's is installed where that is allowed.

    Without one the test is left out and the last lines say so; where CI is set, it fails.
    """
    if found := find_browser() or _install_chromium():
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{NO_BROWSER}, and none could be installed: in CI the browser tests always run")
    pytest.skip(NO_BROWSER)


def _install_chromium() -> str | None:
    """Install Debian's Chromium if this is root on such a system."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(command, capture_output=True, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    return find_browser()


@pytest.fixture
def browser(chrome, tmp_path) -> Iterator[BrowserContext]:
    """A Chrome with a fresh profile. `browser.went_outside` lists the addresses elsewhere that a page asked for."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chrome,
            headless=True,
            args=FLAGS,
            viewport={"width": 1300, "height": 1000},
        )
        context.went_outside = []

        def let_through(route: Route) -> None:
            if HERE.match(route.request.url):
                route.continue_()
            else:
                context.went_outside.append(route.request.url)
                route.abort()

        context.route("**/*", let_through)
        yield context
        context.close()
