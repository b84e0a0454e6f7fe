"""Rows of answers: read one by one, or all at once as a pandas frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_origin

from graphrisk.client.answers import Evidence, Hypothesis, Pair, Reason
from graphrisk.client.reading import hints_of

if TYPE_CHECKING:
    import pandas as pd

T_co = TypeVar("T_co", covariant=True)
_DTYPES: dict[Any, str] = {int: "Int64", float: "float64", bool: "boolean", datetime: "datetime64[us, UTC]"}


class Rows(Generic[T_co], Iterator[T_co]):
    """Rows as they come, page by page, all of one run; nothing is asked before the first. ``kinds`` are their classes."""

    def __init__(self, kinds: tuple[type[T_co], ...], items: Iterator[T_co]) -> None:
        self.kinds = kinds
        self._items = items

    def __next__(self) -> T_co:
        return next(self._items)

    def to_frame(self) -> pd.DataFrame:
        """The rows that are left as a frame, with all columns even when there are none. See ``to_frame``."""
        return to_frame(self, self.kinds)


def to_frame(rows: Iterable[Any], kinds: tuple[type, ...] = ()) -> pd.DataFrame:
    """A pandas frame with one row for each answer, and columns for the classes ``kinds`` and those of the rows.

    A part of an answer has columns of its own (``ring_id``, ``ring_role``, …, ``counts_accounts``). Lists are text:
    values with commas, evidence as ``kind milli-nats``, hypotheses as ``code permille``, reasons as sentences. Numbers, times (UTC) and text that an
    answer lacks are missing.
    """
    import pandas as pd  # noqa: PLC0415 - a second, which only those who want frames pay

    taken = list(rows)
    dtypes = {name: dtype for kind in (*kinds, *dict.fromkeys(map(type, taken))) for name, dtype in _columns(kind, "")}
    records = [dict(_cells(row, "")) for row in taken]
    names = [*dtypes, *dict.fromkeys(name for record in records for name in record if name not in dtypes)]
    columns = {name: [record.get(name) for record in records] for name in names}
    return pd.DataFrame(
        {name: pd.Series(cells, dtype=dtypes.get(name) or _dtype(cells)) for name, cells in columns.items()}
    )


def _dtype(cells: list[Any]) -> str | None:
    """Whole numbers stay whole where some are missing."""
    return "Int64" if {type(cell) for cell in cells if cell is not None} == {int} else None


def _columns(kind: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The columns of a dataclass and their dtypes, without those of mappings, which their rows bring."""
    for name, hint in hints_of(kind).items():
        one = get_args(hint)[0] if isinstance(hint, UnionType) else hint
        column = _joined(prefix, name)
        if is_dataclass(one):
            yield from _columns(one, column)
        elif get_origin(one) is not Mapping:
            yield column, _DTYPES.get(one, "str")


def _cells(row: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in hints_of(type(row)):
        value, column = getattr(row, name), _joined(prefix, name)
        if is_dataclass(value):
            yield from _cells(value, column)
        elif isinstance(value, Mapping):
            # What only some types of change tell stands beside what all tell.
            start = "" if name == "details" else column
            yield from ((_joined(start, key), _cell(each)) for key, each in value.items())
        elif value is not None:
            yield column, _cell(value)


def _joined(prefix: str, name: str) -> str:
    return name if not prefix or name.startswith(f"{prefix}_") else f"{prefix}_{name}"


def _cell(value: Any) -> Any:
    if not isinstance(value, tuple | list):
        return value
    texts = map(_as_text, value)
    return (" " if value and isinstance(value[0], Reason) else ", ").join(texts)


def _as_text(part: Any) -> str:
    if isinstance(part, Reason):
        return part.text
    if isinstance(part, Hypothesis):
        return f"{part.code} {part.permille}"
    if isinstance(part, Evidence):
        return f"{part.kind} {part.milli_nats}"
    return f"{part.account_a} {part.account_b}" if isinstance(part, Pair) else str(part)
