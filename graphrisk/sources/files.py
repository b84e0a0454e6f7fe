"""Finding source files, and reading them as streams of Arrow tables with row numbers; memory does not grow with a file."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from graphrisk.errors import InputError
from graphrisk.schema import TABLES
from graphrisk.sources.mapping import Mapping, TableMapping
from graphrisk.sources.source import LINE, ROW, Batch, with_row_numbers

COMPRESSED = (".gz", ".zst", ".bz2", ".lz4")
FORMATS = {".csv": "csv", ".parquet": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson"}
BLOCK_BYTES = 16 << 20
ROWS_AT_ONCE = 262_144
KEYS_FROM_LINES = 1_000
_NO_DELIMITER = "\x1f"  # may not stand unescaped in JSON (RFC 8259, section 7), so a line stays one field
_TABLE = re.compile(rf"^({'|'.join(TABLES)})(?![a-z])")


@dataclass(frozen=True)
class SourceFile:
    """One file to read: which of our tables it gives, and by which mapping (None: our own column names)."""

    path: Path
    table: str
    mapping: TableMapping | None

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def format(self) -> str:
        return _format(self.path) or ""

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def columns(self) -> list[str]:
        """The header or the schema, or the keys of the first lines of NDJSON."""
        return _column_names(self)

    def types(self) -> dict[str, Any]:
        """Column → Arrow type for Parquet; other formats carry text only."""
        return {field.name: field.type for field in pq.read_schema(self.path)} if self.format == "parquet" else {}

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        """The rows in order, some at a time; NDJSON gives the column ``line`` with each line's text."""
        reader = {"csv": _read_csv, "ndjson": _read_lines, "parquet": _read_parquet}[self.format]
        read = reader(self, columns)
        while True:
            with _Readable(self):
                batch = next(read, None)
            if batch is None:
                return
            yield batch


def find_sources(sources: list[str], mapping: Mapping | None) -> list[SourceFile]:
    """All files of the sources (file, folder or glob), in a fixed order. Raises ``InputError`` when a source has none."""
    found: list[SourceFile] = []
    for source in sources:
        files = _mapped(source, mapping) if mapping else _named(source)
        if not files:
            what = (
                "a file that the mapping names"
                if mapping
                else "accounts.*, sightings.* or labels.* (csv, parquet, ndjson)"
            )
            raise InputError(f"The source {source} has no {what}; check the path, or give a --mapping.")
        found.extend(file for file in files if file not in found)
    return found


def _mapped(source: str, mapping: Mapping) -> list[SourceFile]:
    listed = _listed(source)
    root = Path(source) if Path(source).is_dir() else Path(source).parent
    found: list[SourceFile] = []
    for table, each in mapping.of_files():
        matching = [path for path in listed if path.match(each.files) or path in set(root.glob(each.files))]
        if not matching and Path(source).is_dir():
            raise InputError(
                f"The source {source} has no file {each.files!r}, which the mapping names; mend its `files`."
            )
        found.extend(SourceFile(path, table, each) for path in matching)
    return found


def _named(source: str) -> list[SourceFile]:
    found: list[SourceFile] = []
    for path in _listed(source):
        table = _table_of(path, Path(source))
        if table:
            found.append(SourceFile(path, table, None))
        elif path == Path(source):
            raise InputError(
                f"{path} does not say which table it is; name it accounts…, sightings… or labels…, or give a --mapping."
            )
    return found


def _table_of(path: Path, source: Path) -> str | None:
    """The table is told by the file's name, or by the folder that holds the parts of one table."""
    above = [parent.name for parent in path.parents if parent == source or source in parent.parents]
    for name in [path.name, *above, path.parent.name]:
        if match := _TABLE.match(name):
            return match[1]
    return None


def _listed(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        candidates = [each for each in path.rglob("*") if each.is_file()]
    elif path.exists():
        if not _format(path):
            raise InputError(
                f"{path} is neither .csv, .parquet, .ndjson nor .jsonl (also compressed); convert or rename it."
            )
        candidates = [path]
    else:
        candidates = [Path(each) for each in glob.glob(source, recursive=True) if Path(each).is_file()]
        if not candidates:
            raise InputError(f"The source {source} does not exist; check the path.")
    kept = (each for each in candidates if _format(each) and not each.name.startswith(("_", ".")))
    return sorted(kept, key=lambda each: each.as_posix().encode())


def _format(path: Path) -> str | None:
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    return FORMATS.get(name.suffix)


def _column_names(file: SourceFile) -> list[str]:
    if file.format == "ndjson":
        return _line_keys(file)
    with _Readable(file):
        if file.format == "parquet":
            return list(pq.read_schema(file.path).names)
        return _distinct(pacsv.open_csv(_stream(file.path), parse_options=_csv_options(None)).schema.names, file)


def _line_keys(file: SourceFile) -> list[str]:
    keys: dict[str, None] = {}
    batch = next(file.batches([]), None)
    for line in batch.rows[LINE].slice(0, KEYS_FROM_LINES).to_pylist() if batch else []:
        try:
            row = json.loads(line)
        except (TypeError, ValueError):
            continue
        keys.update(dict.fromkeys(row) if isinstance(row, dict) else {})
    return list(keys)


def _read_parquet(file: SourceFile, columns: list[str]) -> Iterator[Batch]:
    with pq.ParquetFile(file.path) as opened:
        size, total, seen = file.path.stat().st_size, max(1, opened.metadata.num_rows), 0
        for batch in opened.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
            yield Batch(with_row_numbers(pa.Table.from_batches([batch]), seen), [], size * batch.num_rows // total)
            seen += batch.num_rows


def _read_csv(file: SourceFile, columns: list[str]) -> Iterator[Batch]:
    text = {name: pa.string() for name in columns}
    convert = pacsv.ConvertOptions(
        column_types=text,
        include_columns=columns,
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=True,
    )
    return _read_text(file, pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False), _csv_options, convert, 1)


def _read_lines(file: SourceFile, columns: list[str]) -> Iterator[Batch]:
    options = pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, column_names=[LINE])
    parse = pacsv.ParseOptions(delimiter=_NO_DELIMITER, quote_char=False, escape_char=False)
    return _read_text(file, options, lambda _: parse, pacsv.ConvertOptions(column_types={LINE: pa.string()}), 0)


def _read_text(
    file: SourceFile, read: Any, parse: Callable[[list[int]], Any], convert: Any, header_rows: int
) -> Iterator[Batch]:
    malformed: list[int] = []
    raw = pa.OSFile(str(file.path))
    position = last = told = 0
    options = {"read_options": read, "parse_options": parse(malformed), "convert_options": convert}
    for batch in pacsv.open_csv(_stream(file.path, raw), **options):
        bad = [number - header_rows for number in malformed]
        numbers = np.setdiff1d(np.arange(last + 1, last + 1 + batch.num_rows + len(bad)), bad)[: batch.num_rows]
        last = int(numbers[-1]) if len(numbers) else last
        rows = pa.Table.from_batches([batch]).append_column(ROW, pa.array(numbers, pa.int64()))
        yield Batch(rows, bad[told:], raw.tell() - position)
        told, position = len(bad), raw.tell()
    if len(malformed) > told:
        nothing = pa.table({ROW: pa.array([], pa.int64())})
        yield Batch(nothing, [number - header_rows for number in malformed[told:]], 0)


def _csv_options(malformed: list[int] | None) -> Any:
    def note(row: Any) -> str:
        if malformed is not None:
            malformed.append(row.number or 0)
        return "skip"

    return pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=note)


def _stream(path: Path, raw: Any = None) -> Any:
    source = raw or pa.OSFile(str(path))
    kinds = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
    return pa.CompressedInputStream(source, kinds[path.suffix]) if path.suffix in kinds else source


def _distinct(names: list[str], file: SourceFile) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{file.path} has the column {twice[0]!r} twice; keep one.")
    return names


class _Readable:
    """Turns what Arrow says about a broken file into one sentence; Arrow's own words can quote raw values."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError | UnicodeDecodeError) and not isinstance(error, InputError):
            text = "utf8" if isinstance(error, UnicodeDecodeError) else str(error).lower()
            cause = "is not UTF-8" if "utf8" in text else "is empty" if "empty" in text else "cannot be read"
            raise InputError(
                f"{self.file.path} {cause} as {self.file.format}; it may be cut short or damaged: send it again."
            ) from None
