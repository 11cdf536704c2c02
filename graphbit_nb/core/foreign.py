"""Values of numpy and pandas as JSON and back, where what comes back is equal to what was given.

Nothing is loaded to look at a value: an instance cannot be there without its library. To read one, the library is
loaded if it is installed.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.unavailable import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.encoding import Reader, Writer

TAG = "~"

_DTYPE = re.compile(r"[<>|=]?(b1|[iufcmMSU]\d{1,6}(\[\d*[A-Za-z]+\])?)\Z")
_NULLABLE = re.compile(r"(U?Int(8|16|32|64)|Float(32|64)|boolean|string|str)\Z")


def write(value: Any, writer: Writer) -> dict[str, Any] | None:
    """Return a value of numpy or pandas as JSON, or None when it is none. Raises `Refusal`."""
    cls = type(value)
    library = cls.__module__.partition(".")[0]
    if library == "numpy" and (numpy := sys.modules.get("numpy")) is not None:
        if cls is numpy.ndarray:
            return _write_array(value, writer)
        if isinstance(value, numpy.generic) and _DTYPE.match(value.dtype.str):
            return {TAG: "numpy scalar", "d": value.dtype.str, "v": writer.bytes(value.tobytes())}
    if library == "pandas" and (pandas := sys.modules.get("pandas")) is not None:
        found = _write_pandas(value, pandas, writer)
        if found is not None:
            _compare(value, found, pandas)
            return found
    return None


# ---- numpy


def _write_array(value: Any, writer: Writer) -> dict[str, Any]:
    shape = list(value.shape)
    if value.dtype.kind == "O" and value.dtype.fields is None:
        return {TAG: "numpy array", "d": "O", "s": shape, "v": writer.items(value.ravel().tolist())}
    if not _DTYPE.match(value.dtype.str):
        raise Refusal(f"an array of {value.dtype} is not kept", "numpy.ndarray")
    return {TAG: "numpy array", "d": value.dtype.str, "s": shape, "v": writer.bytes(value.tobytes())}


def _read_array(data: dict[str, Any], reader: Reader) -> Any:
    numpy = _library("numpy")
    if numpy is None:
        return reader.unavailable("numpy.ndarray", data, "numpy is not installed")
    shape = data["s"]
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("the shape is none")
    if data["d"] == "O":
        items = reader.read(data["v"])
        if type(items) is not list:
            raise TypeError("a list is missing")
        found = numpy.empty(len(items), dtype=object)
        found[:] = items if items and not any(hasattr(item, "__len__") for item in items) else found[:]
        for number, item in enumerate(items):
            found[number] = item
        return found.reshape(shape)
    content = b64decode(data["v"], validate=True)
    return numpy.frombuffer(content, dtype=_dtype(numpy, data["d"])).reshape(shape).copy()


def _read_scalar(data: dict[str, Any], reader: Reader) -> Any:
    numpy = _library("numpy")
    if numpy is None:
        return reader.unavailable("numpy scalar", data, "numpy is not installed")
    content = b64decode(data["v"], validate=True)
    dtype = _dtype(numpy, data["d"])
    return numpy.frombuffer(content, dtype=dtype)[0] if content else dtype.type()


def _dtype(numpy: Any, name: Any) -> Any:
    if type(name) is not str or not _DTYPE.match(name):
        raise ValueError(f"{name!r} is no type of an array")
    return numpy.dtype(name)


# ---- pandas


def _write_pandas(value: Any, pandas: Any, writer: Writer) -> dict[str, Any] | None:
    cls = type(value)
    if cls is pandas.DataFrame:
        columns = [_write_values(value.iloc[:, n].array, pandas, writer) for n in range(value.shape[1])]
        return {
            TAG: "pandas frame", "columns": _write_index(value.columns, pandas, writer),
            "index": _write_index(value.index, pandas, writer), "v": columns, "attrs": writer.write(value.attrs),
        }  # fmt: skip
    if cls is pandas.Series:
        return {
            TAG: "pandas series", "index": _write_index(value.index, pandas, writer),
            "name": writer.write(value.name), "v": _write_values(value.array, pandas, writer),
            "attrs": writer.write(value.attrs),
        }  # fmt: skip
    if isinstance(value, pandas.Index):
        return {TAG: "pandas index", "v": _write_index(value, pandas, writer)}
    if cls is pandas.Timestamp or cls is pandas.Timedelta:
        from graphbit_nb.core.scalars import write_zone

        zone = write_zone(getattr(value, "tzinfo", None))
        return {TAG: f"pandas {cls.__name__}", "v": int(value.asm8.astype("i8")), "u": value.unit, "z": zone}
    if value is pandas.NaT or value is pandas.NA:
        return {TAG: "pandas nothing", "v": "NaT" if value is pandas.NaT else "NA"}
    return None


def _write_index(value: Any, pandas: Any, writer: Writer) -> dict[str, Any]:
    if type(value) is pandas.RangeIndex:
        return {"r": [value.start, value.stop, value.step], "name": writer.write(value.name)}
    if type(value) is pandas.MultiIndex:
        levels = [_write_index(level, pandas, writer) for level in value.levels]
        codes = [[int(code) for code in of_level] for of_level in value.codes]
        return {"levels": levels, "codes": codes, "names": [writer.write(name) for name in value.names]}
    return {"v": _write_values(value.array, pandas, writer), "name": writer.write(value.name)}


def _write_values(value: Any, pandas: Any, writer: Writer) -> dict[str, Any]:
    dtype = value.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return {
            "d": "category", "codes": [int(code) for code in value.codes], "ordered": bool(dtype.ordered),
            "categories": _write_index(dtype.categories, pandas, writer),
        }  # fmt: skip
    if isinstance(dtype, pandas.DatetimeTZDtype):
        from graphbit_nb.core.scalars import write_zone

        stamps = writer.write(value.asi8.tolist())
        return {"d": "zoned", "u": dtype.unit, "z": write_zone(dtype.tz), "v": stamps}
    if _NULLABLE.match(str(dtype)):
        items = [None if pandas.isna(item) else item for item in value.tolist()]
        return {"d": str(dtype), "v": writer.write(items)}
    plain = value.to_numpy()
    if plain.dtype != getattr(dtype, "numpy_dtype", dtype):
        raise Refusal(f"a column of {dtype} is not kept", "pandas")
    return {"d": "numpy", "v": _write_array(plain, writer)}


def _compare(value: Any, data: dict[str, Any], pandas: Any) -> None:
    """Raise `Refusal` unless what would be read is equal to what is written."""
    from graphbit_nb.core.encoding import Reader

    try:
        back = Reader().read(data)
        is_equal = type(back) is type(value) and _is_equal(value, back, pandas)
    except Exception as error:  # noqa: BLE001 (pandas raises many kinds)
        raise Refusal(f"it cannot be read back: {error}", f"pandas.{type(value).__name__}") from None
    if not is_equal:
        raise Refusal("it would not read back equal", f"pandas.{type(value).__name__}")


def _is_equal(value: Any, back: Any, pandas: Any) -> bool:
    if isinstance(value, pandas.DataFrame):
        same = list(value.dtypes) == list(back.dtypes) and _is_equal(value.columns, back.columns, pandas)
        return bool(same and _is_equal(value.index, back.index, pandas) and value.equals(back))
    if isinstance(value, pandas.Series):
        same = value.dtype == back.dtype and _same_name(value.name, back.name)
        return bool(same and _is_equal(value.index, back.index, pandas) and value.equals(back))
    if isinstance(value, pandas.Index):
        names = all(map(_same_name, value.names, back.names))
        return bool(names and value.dtype == back.dtype and type(value) is type(back) and value.equals(back))
    return value is back or bool(value == back)


def _same_name(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and bool(a == b))


def _read_index(data: dict[str, Any], pandas: Any, reader: Reader) -> Any:
    if "r" in data:
        return pandas.RangeIndex(*data["r"], name=reader.read(data["name"]))
    if "levels" in data:
        levels = [_read_index(level, pandas, reader) for level in data["levels"]]
        names = [reader.read(name) for name in data["names"]]
        return pandas.MultiIndex(levels=levels, codes=data["codes"], names=names)
    values = _read_values(data["v"], pandas, reader)
    return pandas.Index(values, name=reader.read(data["name"]), copy=False)


def _read_values(data: dict[str, Any], pandas: Any, reader: Reader) -> Any:
    match data["d"]:
        case "category":
            dtype = pandas.CategoricalDtype(_read_index(data["categories"], pandas, reader), data["ordered"])
            return pandas.Categorical.from_codes(data["codes"], dtype=dtype)
        case "zoned":
            from graphbit_nb.core.scalars import read_zone

            stamps = _library("numpy").array(reader.read(data["v"]), dtype=f"M8[{_unit(data['u'])}]")
            return pandas.DatetimeIndex(stamps).tz_localize("UTC").tz_convert(read_zone(data["z"])).array
        case "numpy":
            return _read_array(data["v"], reader)
        case name if type(name) is str and _NULLABLE.match(name):
            return pandas.array(reader.read(data["v"]), dtype=name)
    raise ValueError(f"{data['d']!r} is no type of a column")


def _unit(name: Any) -> str:
    if name not in ("s", "ms", "us", "ns"):
        raise ValueError(f"{name!r} is no unit of time")
    return str(name)


def _read_pandas(data: dict[str, Any], reader: Reader) -> Any:
    pandas = _library("pandas")
    if pandas is None:
        return reader.unavailable(str(data[TAG]), data, "pandas is not installed")
    try:
        return _made(data, pandas, reader)
    except Exception as error:  # noqa: BLE001 (pandas raises many kinds)
        raise ValueError(f"{data[TAG]}: {error}") from None


def _made(data: dict[str, Any], pandas: Any, reader: Reader) -> Any:
    match data[TAG]:
        case "pandas frame":
            index = _read_index(data["index"], pandas, reader)
            columns = dict(enumerate(_read_values(column, pandas, reader) for column in data["v"]))
            found = pandas.DataFrame(columns, index=index)
            found.columns = _read_index(data["columns"], pandas, reader)
            found.attrs = dict(reader.read(data["attrs"]))
            return found
        case "pandas series":
            index = _read_index(data["index"], pandas, reader)
            values = _read_values(data["v"], pandas, reader)
            found = pandas.Series(values, index=index, name=reader.read(data["name"]))
            found.attrs = dict(reader.read(data["attrs"]))
            return found
        case "pandas index":
            return _read_index(data["v"], pandas, reader)
        case "pandas nothing":
            return pandas.NaT if data["v"] == "NaT" else pandas.NA
        case "pandas Timedelta":
            return pandas.Timedelta(_library("numpy").timedelta64(data["v"], _unit(data["u"])))
        case _:
            from graphbit_nb.core.scalars import read_zone

            stamp = pandas.Timestamp(_library("numpy").datetime64(data["v"], _unit(data["u"])))
            zone = read_zone(data["z"])
            return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _library(name: str) -> Any:
    """Return numpy or pandas, or None when it is not installed."""
    if name not in sys.modules:
        try:
            __import__(name)
        except Exception:  # noqa: BLE001 (a broken installation may raise anything)
            return None
    return sys.modules.get(name)


READERS: dict[str, Callable[[dict[str, Any], Reader], Any]] = {
    "numpy array": _read_array,
    "numpy scalar": _read_scalar,
    "pandas frame": _read_pandas,
    "pandas series": _read_pandas,
    "pandas index": _read_pandas,
    "pandas Timestamp": _read_pandas,
    "pandas Timedelta": _read_pandas,
    "pandas nothing": _read_pandas,
}
