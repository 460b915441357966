"""Plain values, as JSON has them, made into dataclasses: each of the type that its field says."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def built(kind: type[T], values: object, where: str = "") -> T:
    """A dataclass of plain values; lists become tuples where it has tuples.

    where: what errors call it. Raises ValueError that names the field for a value of another type,
    one that is missing, and one that the dataclass does not have.
    """
    assert is_dataclass(kind)
    if not isinstance(values, dict):
        raise ValueError(f"{where or 'all of it'} is {_told(values)}")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    if others := values.keys() - known.keys():
        raise ValueError(f"{_path(where, sorted(map(str, others))[0])} is unknown")
    for name, field in known.items():
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if name not in values and not has_default:
            raise ValueError(f"{_path(where, name)} is missing")
    given = {name: _value(hints[name], value, _path(where, name)) for name, value in values.items()}
    return kind(**given)


def _value(hint: Any, value: object, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return built(hint, value, where)  # type: ignore[arg-type]
    if origin in (Union, UnionType):
        for one in arguments:
            try:
                return _value(one, value, where)
            except ValueError:
                continue
    elif origin is Literal:
        if any(type(value) is type(one) and value == one for one in arguments):
            return value
    elif origin is tuple and isinstance(value, list | tuple):
        each = arguments if arguments[-1] is not ... else arguments[:1] * len(value)
        if len(each) == len(value):
            return tuple(_value(one, part, where) for one, part in zip(each, value, strict=True))
    elif origin in (list, Sequence) and isinstance(value, list | tuple):
        return [_value(arguments[0], part, where) for part in value]
    elif origin is dict and isinstance(value, dict):
        return {
            _value(arguments[0], key, where): _value(arguments[1], part, where)
            for key, part in value.items()
        }
    elif hint is float and type(value) in (int, float):
        with suppress(OverflowError):
            float(value)  # type: ignore[arg-type]
            return value
    elif hint in (int, str, bool, NoneType) and type(value) is hint:
        return value
    raise ValueError(f"{where} is {_told(value)}")


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _told(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
