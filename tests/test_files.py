import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from course import _files
from course._files import require_writable, write_whole, writing

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("content", [b"\x00\xff", "a\r\nb\nü"])
def test_what_is_written_is_what_stands_there(tmp_path, content):
    write_whole(tmp_path / "new" / "folder" / "file.txt", content)
    found = (tmp_path / "new" / "folder" / "file.txt").read_bytes()
    assert found == (content.encode() if isinstance(content, str) else content)


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_whole(tmp_path / "file", b"old")
    for failure in (KeyError, KeyboardInterrupt, SystemExit, GeneratorExit, OSError):
        with pytest.raises(failure), writing(tmp_path / "file") as partial:
            partial.write_bytes(b"half")
            raise failure
        assert contents(tmp_path) == {"file": b"old"}


@pytest.mark.parametrize("step", ["touch", "stat", "chmod", "open", "replace"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_an_interrupt_at_any_step_of_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step, failure):
    write_whole(tmp_path / "file", b"old")
    honest = getattr(Path, step)

    def interrupted(self, *arguments, **options):
        if self.name.endswith(".partial"):
            raise failure
        return honest(self, *arguments, **options)

    monkeypatch.setattr(Path, step, interrupted)
    with pytest.raises(failure):
        write_whole(tmp_path / "file", b"new")
    monkeypatch.undo()
    assert contents(tmp_path) == {"file": b"old"}


def test_a_full_disk_is_an_error_that_names_the_file_and_spares_the_old_one(tmp_path, monkeypatch):
    write_whole(tmp_path / "file.json", "old")

    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")  # as Python raises it: without the file's name

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"file\.json could not be written: No space left on device") as found:
        write_whole(tmp_path / "file.json", "new")
    assert found.value.errno == 28
    assert contents(tmp_path) == {"file.json": b"old"}


def test_an_error_about_another_file_keeps_its_own_message(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"), writing(tmp_path / "file") as partial:
        partial.write_bytes((tmp_path / "missing").read_bytes())
    assert contents(tmp_path) == {}


@POSIX
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_follow_the_umask_whatever_their_writer_does(tmp_path, mask):
    before = os.umask(mask)
    try:
        with writing(tmp_path / "file") as partial:
            partial.unlink()
            os.close(os.open(partial, os.O_CREAT | os.O_WRONLY, 0o600))  # as safetensors makes its files
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


@POSIX
def test_writing_to_a_link_writes_what_it_leads_to(tmp_path):
    write_whole(tmp_path / "there" / "file", b"old")
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "there") == {"file": b"new"}


def test_the_content_is_on_the_disk_before_it_takes_the_old_ones_place(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(_files.os, "fsync", lambda number: calls.append("fsync"))
    honest = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (calls.append("replace"), honest(self, to)))
    write_whole(tmp_path / "file", b"new")
    assert calls == ["fsync", "replace"]


def _write_often(path: Path, letter: str) -> None:
    for _ in range(100):
        write_whole(path, letter * 50_000)


def test_two_processes_that_write_one_file_leave_a_whole_one_at_any_moment(tmp_path):
    write_whole(tmp_path / "file", "a" * 50_000)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_often, args=(tmp_path / "file", letter)) for letter in "bc"]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers):
        found = (tmp_path / "file").read_text()
        assert (len(found), len(set(found))) == (50_000, 1)
    for one in writers:
        one.join()
    assert [one.exitcode for one in writers] == [0, 0]
    assert set(contents(tmp_path)) == {"file"}


@pytest.mark.parametrize("use", [require_writable, lambda path: write_whole(path, b"new")])
def test_a_place_that_cannot_be_written_is_an_error_that_names_the_file(tmp_path, use):
    write_whole(tmp_path / "file", b"")
    (tmp_path / "folder").mkdir()
    for path, kind, reason in [
        (tmp_path / "file" / "inside.json", NotADirectoryError, "a file stands where its folder belongs"),
        (tmp_path / "folder", IsADirectoryError, "it is a folder"),
    ]:
        with pytest.raises(kind, match=f"{path.name} could not be written: {reason}"):
            use(path)
    assert contents(tmp_path / "folder") == {}


@POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o555)
    with pytest.raises(PermissionError, match="file could not be written: Permission denied"):
        require_writable(tmp_path / "theirs" / "file")


def test_finding_out_whether_a_file_can_be_written_makes_its_folder_and_leaves_it_as_it_was(tmp_path):
    require_writable(tmp_path / "new" / "file")
    assert contents(tmp_path / "new") == {}
    write_whole(tmp_path / "new" / "file", b"old")
    require_writable(tmp_path / "new" / "file")
    assert contents(tmp_path / "new") == {"file": b"old"}
