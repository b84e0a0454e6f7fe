# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""The feed of signals: one file a publication that never changes, read on from a cursor.

A cursor is 24 characters of base32hex: publication (4 bytes), the byte behind its line (6), which publication that was
(4, a digest) and a check (1). So a cursor leads straight to its place, and a later one is greater as text.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.errors import InputError
from graphrisk.files import sweep_unfinished, sync_path, write_durably
from graphrisk.runs.store import Publication

ALPHABET = np.frombuffer(b"0123456789abcdefghijklmnopqrstuv", np.uint8)
CURSOR_BYTES, CURSOR_CHARACTERS = 15, 24
CHECK_WEIGHTS = np.arange(1, CURSOR_BYTES, dtype=np.int64)
CHECK_MODULUS = 251
LINE_START, LINE_MIDDLE, LINE_END = '{"cursor":"', '",', "}\n"
SHOWN_CHARACTERS = 60


def feed_folder(home: Path) -> Path:
    """Where the signals of a home are."""
    return home / "signals"


def write_signals(home: Path, move: Publication, members: pa.Array) -> Path:
    """Write the signals of a publication, each with its cursor, in one atomic step that survives a power loss.

    ``members`` are the members of each signal's JSON object, as text.
    """
    path = _path(home, move.seq)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(path.parent, path.name)
    write_durably(path, _lines(move, members))
    sync_path(home)
    return path


def is_written(home: Path, move: Publication) -> bool:
    """Whether the signals of this very publication are there."""
    return _tag_of_file(home, move.seq) == _tag(move)


def set_aside(home: Path, moves: list[Publication]) -> list[Path]:
    """Move files that are of none of these publications out of the feed, and return where they are now."""
    folder, moved = feed_folder(home), list[Path]()
    tags = {move.seq: _tag(move) for move in moves}
    for path in sorted(folder.glob("[0-9]*.ndjson")):
        seq = int(path.stem)
        if tags.get(seq) is None or _tag_of_file(home, seq) != tags[seq]:
            (folder / "replaced").mkdir(exist_ok=True)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
            moved.append(folder / "replaced" / f"{path.stem}-{digest}.ndjson")
            os.replace(path, moved[-1])
    return moved


def read_signals(home: Path, after: str | None, limit: int) -> tuple[list[bytes], str | None]:
    """At most ``limit`` signals behind the cursor ``after`` (``None``: from the first), and the cursor to go on from.

    Each is one line of JSON with its line feed. Without new signals the list is empty and the cursor is ``after``. Takes
    time for what it gives, not for what came before. Raises ``InputError`` when the cursor is none of this feed.
    """
    seq, offset = (1, 0) if after is None else _position(home, after)
    lines: list[bytes] = []
    while len(lines) < limit:
        try:
            with _path(home, seq).open("rb") as handle:
                handle.seek(offset)
                lines += islice(handle, limit - len(lines))
        except FileNotFoundError:
            break
        seq, offset = seq + 1, 0
    return lines, cursor_of(lines[-1]) if lines else after


def cursor_of(line: bytes) -> str:
    """The cursor that a line of the feed carries: reading after it goes on with the next line."""
    return line[len(LINE_START) : len(LINE_START) + CURSOR_CHARACTERS].decode()


def _path(home: Path, seq: int) -> Path:
    return feed_folder(home) / f"{seq:010d}.ndjson"


def _tag(move: Publication) -> bytes:
    return hashlib.sha256(f"{move.seq} {move.run_id} {move.published_at}".encode()).digest()[:4]


def _tag_of_file(home: Path, seq: int) -> bytes | None:
    try:
        with _path(home, seq).open("rb") as handle:
            return _decoded(cursor_of(handle.read(64)))[2]
    except (FileNotFoundError, ValueError):
        return None


def _lines(move: Publication, members: pa.Array) -> bytes:
    around = len(LINE_START) + CURSOR_CHARACTERS + len(LINE_MIDDLE) + len(LINE_END)
    ends = np.cumsum(pc.binary_length(members).to_numpy().astype(np.int64) + around)
    start, middle, end, nothing = (
        pa.scalar(each, pa.large_string()) for each in (LINE_START, LINE_MIDDLE, LINE_END, "")
    )
    lines = pc.binary_join_element_wise(start, _cursors(move, ends), middle, members, end, nothing)
    return lines.buffers()[2].to_pybytes()[: int(ends[-1])]


def _cursors(move: Publication, ends: Any) -> pa.Array:
    """The cursor of each line of a publication that ends before the byte given."""
    raw = np.zeros((len(ends), CURSOR_BYTES), np.uint8)
    raw[:, :4] = np.frombuffer(move.seq.to_bytes(4, "big"), np.uint8)
    raw[:, 4:10] = ends.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    raw[:, 10:14] = np.frombuffer(_tag(move), np.uint8)
    raw[:, 14] = (raw[:, :14] @ CHECK_WEIGHTS) % CHECK_MODULUS
    bits = np.unpackbits(raw, axis=1).reshape(len(ends), CURSOR_CHARACTERS, 5)
    text = ALPHABET[bits @ np.array([16, 8, 4, 2, 1], np.uint8)]
    offsets = np.arange(len(ends) + 1, dtype=np.int64) * CURSOR_CHARACTERS
    return pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def _decoded(cursor: str) -> tuple[int, int, bytes]:
    """Publication, byte and tag of a cursor. Raises ``ValueError`` when it is none."""
    try:
        raw = base64.b32hexdecode(cursor.upper())
    except binascii.Error as error:
        raise ValueError(cursor) from error
    if len(raw) != CURSOR_BYTES or cursor != cursor.lower():
        raise ValueError(cursor)
    if int(np.frombuffer(raw[:14], np.uint8) @ CHECK_WEIGHTS) % CHECK_MODULUS != raw[14]:
        raise ValueError(cursor)
    return int.from_bytes(raw[:4], "big"), int.from_bytes(raw[4:10], "big"), raw[10:14]


def _position(home: Path, after: str) -> tuple[int, int]:
    """Where to read on: the publication and the byte behind the line that carries the cursor."""
    try:
        seq, offset, tag = _decoded(after)
    except ValueError as error:
        raise _unknown(after) from error
    if _tag_of_file(home, seq) != tag:
        raise _unknown(after)
    with _path(home, seq).open("rb") as handle:
        handle.seek(max(offset - 1, 0))
        if handle.read(1) != b"\n":
            raise _unknown(after)
    return seq, offset


def _unknown(after: str) -> InputError:
    shown = after if len(after) <= SHOWN_CHARACTERS else f"{after[:SHOWN_CHARACTERS]}…"
    return InputError(
        f"The cursor {shown!r} is none of this feed; use the cursor of a signal that you read, or none to begin at the first."
    )
