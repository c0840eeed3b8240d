"""Files that are whole or absent: atomic writes, checksums, JSON with clear errors."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import secrets
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from search_spaces.errors import DamagedFile, WeightloomError
from search_spaces.plain_data import parse_json

UNPACKED, RATIO = 2**24, 50
"""Bytes that a packed file may always unpack to, and how many times its own size."""


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write ``data`` so that a reader sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder, which is flushed to disk and renamed over ``path``;
    then the folder is flushed, so that the new name survives a power cut. Missing folders are made.

    Raises:
        WeightloomError: the folder or file cannot be written.
    """
    with writing(path) as stream:
        stream.write(data)
    return Path(path)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """A stream to write a file with, piece by piece, as `write_bytes` does: the file is there once it is left.

    Raises:
        WeightloomError: the folder or file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as error:
        raise WeightloomError(
            f"cannot write {path}: expected a writable folder with free space, got {error.strerror}; "
            "choose another folder or free it"
        ) from error


@contextmanager
def locked(handle: int) -> Iterator[None]:
    """Hold an open file or folder against other processes, waiting for it; the system lets go of it if this one dies.

    On a system without such locks it holds nothing, and only one process may work on a run.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def check_writable(folder: str | Path) -> None:
    """See before long work that its end can be written into ``folder``; leaves nothing behind.

    Raises:
        WeightloomError: it cannot.
    """
    folder = Path(folder)
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        write_bytes(folder / f".{secrets.token_hex(6)}.tmp", b"").unlink()
    finally:
        for one in missing:
            with suppress(OSError):
                one.rmdir()


def write_text(path: str | Path, text: str) -> Path:
    """Write ``text`` as UTF-8, atomically like `write_bytes`."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, obj: Any) -> Path:
    """Write ``obj`` as indented JSON, atomically like `write_bytes`.

    JSON has no NaN and no infinity: both are written as ``null`` and read back as ``None``. Tuples become
    lists, paths become strings, numpy and torch numbers and arrays become numbers and lists.
    """
    return write_text(path, json.dumps(_plain(obj), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path, remedy: str = "check the path") -> Any:
    """Read one JSON file.

    Args:
        path: the file.
        remedy: what the user can do if the file does not exist; ends the message.

    Raises:
        WeightloomError: no such file, or not readable.
        DamagedFile: the content is not JSON in UTF-8 as `parse_json` wants it (``NaN`` and ``Infinity`` are no JSON).
    """
    path = Path(path)
    try:
        with open_regular(path) as stream:
            return parse_json(stream.read().decode("utf-8"))
    except FileNotFoundError as error:
        raise WeightloomError(f"{path}: expected a JSON file, got none there; {remedy}") from error
    except OSError as error:
        raise WeightloomError(
            f"{path}: expected a readable JSON file, got {error.strerror}; check the path and its permissions"
        ) from error
    except ValueError as error:
        raise DamagedFile(
            f"{path}: expected JSON in UTF-8, got damage ({error}); restore the file or make it again"
        ) from error


def read_bytes(path: str | Path, what: str = "file", remedy: str = "check the path and its permissions") -> bytes:
    """The bytes of one file.

    Args:
        path: the file.
        what: what it should be, for the message.
        remedy: what the user can do if it cannot be read; ends the message.

    Raises:
        WeightloomError: no such file, or not readable.
    """
    try:
        with open_regular(path) as stream:
            return stream.read()
    except OSError as error:
        raise WeightloomError(f"{path}: expected a readable {what}, got {error.strerror}; {remedy}") from error


def read_unpacked(path: str | Path, what: str = "file", remedy: str = "check the path and its permissions") -> bytes:
    """The bytes of one file, unpacked where its name ends in ``.gz``.

    What unpacks to more than `UNPACKED` bytes and `RATIO` times its size is refused before it is unpacked further:
    tables and images shrink to a third or a tenth, a zip bomb to a thousandth.

    Raises:
        WeightloomError: as `read_bytes`.
        DamagedFile: no gzip, cut off, altered, or too much in it.
    """
    data = read_bytes(path, what, remedy)
    if Path(path).suffix != ".gz":
        return data
    most, found = most_unpacked(len(data)), bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while len(found) <= most and (part := stream.read(2**20)):
                found += part
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFile(f"{path}: expected a {what} packed by gzip, got damage ({error}); restore the file") from None
    if len(found) > most:
        raise DamagedFile(
            f"{path}: expected a {what} that unpacks to at most {most} bytes, got more from {len(data)}; "
            "unpack it yourself if you trust it"
        )
    return bytes(found)


def most_unpacked(packed: int) -> int:
    """To how many bytes a packed file of so many may unpack."""
    return max(UNPACKED, RATIO * packed)


def check_archive(archive: zipfile.ZipFile, packed: int) -> None:
    """Check, before anything is unpacked, that a zip file of ``packed`` bytes is no bomb; raises ``ValueError``."""
    total = sum(member.file_size for member in archive.infolist())
    if total > most_unpacked(packed):
        raise ValueError(f"{total} bytes packed into {packed}, where at most {most_unpacked(packed)} are unpacked")


def open_regular(path: str | Path) -> io.BufferedReader:
    """Open a file for reading, and nothing that may never end or never answer.

    Raises:
        OSError: it cannot be opened, has no possible name, or is a pipe or a device.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a name with a zero byte", str(path))
    kind = os.stat(path).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):  # of a folder, `open` says so itself
        raise OSError(errno.EINVAL, "a pipe or a device instead of a file", str(path))
    return open(path, "rb")


def sha256(path: str | Path, what: str = "file", remedy: str = "check the path and its permissions") -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits; the file is read in small pieces.

    Args:
        path: the file.
        what: what it should be, for the message.
        remedy: what the user can do if it cannot be read; ends the message.

    Raises:
        WeightloomError: the file cannot be read.
    """
    try:
        with open_regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightloomError(f"{path}: expected a readable {what}, got {error.strerror}; {remedy}") from error


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":  # other systems cannot open a folder, and flush its entry with the file
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if value - value == 0 else None  # NaN - NaN and inf - inf are NaN
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return value
