"""From the JSON of an answer to its dataclass: what the dataclass does not name is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from graphrisk.client.failures import ApiError

T = TypeVar("T")


def parsed(kind: type[T], body: Mapping[str, Any]) -> T:
    """An answer as a dataclass. Raises ``ApiError`` when something that it needs is not there, or is of another type."""
    try:
        return _reader(kind)(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _strange(f"{kind.__name__} ({error!r})") from error


def member(body: Mapping[str, Any], name: str) -> Any:
    """A member of an answer. Raises ``ApiError`` when it is not there."""
    try:
        return body[name]
    except (KeyError, TypeError) as error:
        raise _strange(f"answer with {name}") from error


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass' fields, in order."""
    types = get_type_hints(kind)
    return {field.name: types[field.name] for field in fields(kind)}


def told_by(kind: type[T], body: Mapping[str, Any]) -> T:
    """A ``Change`` or ``Signal``, whose members differ by type: those without a field of their own are its details."""
    names = hints_of(kind)
    details = {name: value for name, value in body.items() if name not in names}
    return parsed(kind, {"ring_id": None, "account_id": None, **body, "details": details})


def moment(text: str) -> datetime:
    """An ISO 8601 time in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    if is_dataclass(kind):
        return _reader_of_dataclass(kind)
    if isinstance(kind, UnionType):
        one = next(each for each in get_args(kind) if each is not NoneType)
        read = _reader(one)
        return lambda value: None if value is None else read(value)
    if get_origin(kind) is tuple:
        each = _reader(get_args(kind)[0])
        return lambda values: tuple(map(each, values))
    return moment if kind is datetime else _same


def _reader_of_dataclass(kind: Any) -> Callable[[Any], Any]:
    types = hints_of(kind)
    needed = [(each.name, _reader(types[each.name])) for each in fields(kind) if each.default is MISSING]
    optional = [(each.name, _reader(types[each.name])) for each in fields(kind) if each.default is not MISSING]

    def read(body: Mapping[str, Any]) -> Any:
        given = {name: convert(body[name]) for name, convert in needed}
        given |= {name: convert(body[name]) for name, convert in optional if name in body}
        return kind(**given)

    return read


def _strange(what: str) -> ApiError:
    detail = f"The server answered what is no {what}; look at the url, and whether the server is older than the client."
    return ApiError(200, "not_an_answer", detail)


def _same(value: Any) -> Any:
    return value
