"""What the commands read and write: JSON in, files out, whole or not at all."""

import errno
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click
import orjson

from services.matching.planner.input.json_values import pointer, short
from shared.faults import Invalid, Problem
from shared.messages import Message, say
from shared.translation import spoken

STANDARD = "-"
"""Stands for the standard streams."""
BAD_INPUT = 2
_BOM = b"\xef\xbb\xbf"
_KEY = re.compile(rb'"[ \t\r\n]*:')


def refuse(faults: Invalid, language: str) -> None:
    """Say each of ``faults`` on a line of standard error, and end with status 2."""
    for problem in faults.problems:
        click.echo(f"{problem.field or '/'}: {spoken(problem.what, language)}", err=True)
    sys.exit(BAD_INPUT)


def read_json(source: str) -> Any:
    """The JSON document in the file ``source`` (``-``: standard input), in UTF-8 with or without a mark.

    Not-a-number is let through, for the reader of the format to say where.

    Raises:
        shared.faults.Invalid: it cannot be read, is not JSON, or has a key twice in one object.
    """
    try:
        raw = _open(sys.stdin).buffer.read() if source == STANDARD else Path(source).read_bytes()
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise _no_json(say("cannot be read: {reason}", reason=reason)) from fault
    raw = raw.removeprefix(_BOM)
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        try:
            return json.loads(raw.decode(), object_pairs_hook=_object)
        except (ValueError, RecursionError):
            raise _no_json(say("is not JSON: {reason}", reason=str(fault))) from None
    # Every key ends in a quotation mark and a colon: where no more of these are found than keys, none came twice.
    # Otherwise (the two may stand in a text as well) it is read again, slowly.
    if len(_KEY.findall(raw)) != _keys(document):
        with suppress(RecursionError):
            json.loads(raw, object_pairs_hook=_object)
    return document


def _no_json(what: Message) -> Invalid:
    return Invalid(what, [Problem("", what, say("give a JSON file"))])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _no_json(say("an object has the key {key} twice", key=short(key)))
        found[key] = value
    return found


def _keys(document: Any) -> int:
    """The keys of ``document`` as deep as the formats go: lists of objects that may hold objects."""
    if type(document) is not dict:
        return 0
    count = len(document)
    for rows in document.values():
        for row in rows if type(rows) is list else ():
            if type(row) is dict:
                count += len(row) + sum(len(value) for value in row.values() if type(value) is dict)
    return count


def as_json(document: Any, *, indented: bool = False) -> bytes:
    """``document`` as the bytes of a file."""
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indented else 0))


def check_targets(targets: Iterable[str | None]) -> None:
    """Raise :class:`shared.faults.Invalid` if two outputs would go to one place."""
    seen: set[str] = set()
    for target in targets:
        if target is None:
            continue
        with _said_of(target):
            place = target if target == STANDARD else str(Path(target).resolve())
            special = _is_special(Path(target))
        if place in seen and not special:
            what = say("two outputs cannot go to one place")
            raise Invalid(what, [Problem(_named(target), what, say("name a file for each"))])
        seen.add(place)


def write(outputs: Mapping[str, bytes]) -> None:
    """Write each of ``outputs`` (file, or ``-`` for standard output), all whole or, where one cannot be, none.

    A file is replaced in one step. What is no regular file (a pipe, a device) is written to; a link stays one.

    Raises:
        shared.faults.Invalid: one of them cannot be written.
    """
    drafts: list[tuple[Path, Path]] = []
    try:
        for target, raw in outputs.items():
            with _said_of(target):
                if target == STANDARD:
                    continue
                # What a pipe's name in /dev/fd resolves to cannot be opened: only files are looked for behind links.
                if _is_special(Path(target)):
                    _check_open(Path(target))
                else:
                    path = Path(target).resolve()
                    drafts.append((_draft(path, raw), path))
        for target, raw in outputs.items():
            with _said_of(target):
                if target == STANDARD:
                    stream = _open(sys.stdout).buffer
                    stream.write(raw)
                    stream.flush()
                elif _is_special(Path(target)):
                    with Path(target).open("wb") as file:
                        file.write(raw)
        while drafts:
            draft, path = drafts[0]
            with _said_of(str(path)):
                draft.replace(path)
            drafts.pop(0)
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)


@contextmanager
def _said_of(target: str) -> Iterator[None]:
    """Say of ``target`` what the system refuses."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as fault:  # a name with a NUL; links that lead round in a circle
        what = say("cannot be written: {reason}", reason=getattr(fault, "strerror", None) or str(fault))
        raise Invalid(what, [Problem(_named(target), what, say("name a file in a folder that exists"))]) from fault


def _open(stream: TextIO | None) -> TextIO:
    """A standard stream, which is none where whoever started the command has closed it."""
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return stream


def _named(target: str) -> str:
    return target if target.isprintable() else pointer((target,))


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _check_open(path: Path) -> None:
    """Raise the system's error where ``path`` will not be written to."""
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _draft(path: Path, raw: bytes) -> Path:
    """``raw`` in a new file beside ``path``, with the rights that ``path`` has, or that a new file gets."""
    if path.exists():
        _check_open(path)
        mode = stat.S_IMODE(path.stat().st_mode)
    else:
        mode = 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        draft.chmod(mode)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
