"""Notebook and library: whether their versions fit, and what is said if they do not."""

import warnings

import pytest

import course
from course import _place, _version
from course.teach import colab
from tests.project import project


def test_the_library_s_version_is_that_of_the_project():
    assert _version.installed() == project()["version"]


def test_without_a_clone_it_is_that_of_the_installed_package(monkeypatch, tmp_path):
    monkeypatch.setattr(_place, "ROOT", tmp_path)
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"think-step-by-step": "7.8.9"}[name])
    assert _version.installed() == "7.8.9"


@pytest.mark.parametrize(
    ("wanted", "there"), [("0.1", "0.1.0"), ("0.1", "0.1.9"), ("0.1.2", "0.1.0"), ("2.10", "2.10.1")]
)
def test_versions_that_differ_in_the_third_number_fit(wanted, there):
    assert _version.mismatch(wanted, there) == ""


@pytest.mark.parametrize(
    ("wanted", "there", "remedy"),
    [
        ("0.2", "0.1.0", "Update the library"),
        ("0.10", "0.9.3", "Update the library"),
        ("0.1", "0.2.0", "COURSE_WHEEL"),
        ("0.9", "1.0", "COURSE_WHEEL"),
    ],
)
def test_versions_that_do_not_fit_are_named_with_what_to_do(wanted, there, remedy):
    said = _version.mismatch(wanted, there)
    assert f"version {wanted} of" in said and f"version {there}: " in said and remedy in said


def test_the_first_cell_warns_once_and_goes_on(monkeypatch):
    monkeypatch.setattr(_version, "installed", lambda: "0.3.1")
    with pytest.warns(UserWarning, match="written for version 0.2 of the course") as said:
        course.expects("0.2")
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        course.expects("0.3")


def test_the_first_cell_expects_this_version_and_takes_a_wheel_with_any_name():
    assert f'course.expects("{_version.series(project()["version"])}")' in colab.bootstrap_cell()
    assert 'COURSE_WHEEL = "a \\"b\\".whl"' in colab.bootstrap_cell('a "b".whl')
