"""Files that are written whole or not at all, and safely beside a second writer.

A new content is written under another name in the same folder, brought to the disk, and put in the old one's place in
one move: whoever reads sees the old file or the new one, whatever happens in between. `python -m course.doctor` works
in broken installations, so nothing here needs more than Python.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file whole or not at all; text is UTF-8 with the line ends it has.

    Its folder is made if need be. Raises OSError that names the file, whose old content then stays as it was.
    """
    with writing(path) as partial:
        partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Another name to write to, for writers that want one; what stands there at the end of the block takes its place.

    The name ends as `path` does, and no other writer gets the same. The file follows the umask, as an ordinary new file
    does. If the block raises, whatever it raises, the old file stays and nothing is left behind.
    """
    target = Path(os.path.realpath(path))  # through a link, as writing goes
    beside = target.with_name(f".{uuid4().hex[:12]}.partial{target.suffix}")
    try:
        _require_place(target)
        beside.touch(exist_ok=False)
        mode = beside.stat().st_mode  # as the umask wants it; some writers make files that only their owner can read
        yield beside
        if os.name == "posix":
            beside.chmod(mode)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        _remove(beside)
        raise _about(path, beside, error) from error
    except BaseException:
        _remove(beside)
        raise


def require_writable(path: str | Path) -> None:
    """Find out before the work whether a file can be written, making its folder; it stays as it is.

    Raises OSError that names the file, also if a folder has its name.
    """
    target = Path(os.path.realpath(path))
    probe = target.with_name(f".{uuid4().hex[:12]}.partial{target.suffix}")
    try:
        _require_place(target)
        probe.touch(exist_ok=False)
    except OSError as error:
        raise _about(path, probe, error) from error
    finally:
        _remove(probe)


def take_lock(path: str | Path) -> Callable[[], None]:
    """Hold a lock file as its only holder, until the function that is returned is called or this process ends.

    Raises BlockingIOError if somebody else holds it. Where the file system knows no locks, there is none.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = target.open("ab")
        try:
            _lock(file)
            with suppress(OSError):  # who held it may have removed it just now: then this is no longer the file
                if os.path.samestat(os.fstat(file.fileno()), target.stat()):
                    return partial(_release, target, file)
            file.close()
        except BaseException as error:
            file.close()
            if not isinstance(error, OSError):
                raise
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise BlockingIOError(error.errno, f"somebody else holds {path}") from error
            return lambda: None


def _release(target: Path, file: BinaryIO) -> None:
    """Remove a lock file and let go of it; on Windows the other way round, which removes no open file."""
    if os.name == "posix":
        _remove(target)
    file.close()
    if os.name != "posix":
        _remove(target)


def _lock(file: BinaryIO) -> None:
    """Lock an open file without waiting. Raises OSError if another process has, or if there are no locks here."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


def _require_place(target: Path) -> None:
    """Make the folder of a file. Raises OSError if there is no room for one, or the file is a folder."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OSError(errno.ENOTDIR, "a file stands where its folder belongs", str(target)) from error
    if target.is_dir():
        raise OSError(errno.EISDIR, "it is a folder", str(target))


def _remove(partial: Path) -> None:
    """Remove a file if it is there."""
    with suppress(OSError):  # a folder that is missing, or not ours, holds no such file either
        partial.unlink()


def _about(path: str | Path, partial: Path, error: OSError) -> OSError:
    """The same error, saying which file could not be written; one about a third file stays as it is."""
    target = Path(os.path.realpath(path))
    if error.filename is not None and Path(error.filename) not in (partial, target, *target.parents):
        return error
    return OSError(error.errno, f"{path} could not be written: {error.strerror or error}")
