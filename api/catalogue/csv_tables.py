"""Reads and writes tables as CSV; every bad line is told by its number, its column, what was expected and what found.

TableRefused    the file, or some of its lines, cannot be taken; nothing of it is
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Encoding = Literal["utf-8", "gb18030"]
"""UTF-8 may begin with a byte order mark. GB18030, which holds GBK and GB2312, is never guessed."""

_LONGEST_SHOWN = 100
_MOST_COLUMNS = 100
MOST_ERRORS = 10_000
"""Two megabytes of commas must neither take minutes nor a gigabyte."""

_TRUE = {True: "1", False: "0"}


class TableRow(BaseModel):
    """A line of a table. Columns are its fields by their aliases, those of the key first; an empty cell is None."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)
    key_fields: ClassVar[tuple[str, ...]]

    @classmethod
    def columns(cls) -> dict[str, str]:
        """The columns' names in a file, by their fields."""
        fields = cls.model_fields
        order = [*cls.key_fields, *(name for name in fields if name not in cls.key_fields)]
        return {name: fields[name].alias or name for name in order}

    @property
    def key_values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.key_fields)


Row = TypeVar("Row", bound=TableRow)


@dataclass(frozen=True, slots=True)
class LineError:
    """line: counted from 1, the header's, as an editor counts. column: None where it is about the line as a whole."""

    line: int
    column: str | None
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: expected {self.expected}, got {self.found!r}"


class TableRefused(Exception):
    """Nothing was taken."""

    def __init__(self, errors: list[LineError]) -> None:
        super().__init__("; ".join(str(error) for error in errors[:3]))
        self.errors = sorted(errors, key=lambda error: error.line)


@dataclass(frozen=True, slots=True)
class Line(Generic[Row]):
    number: int
    row: Row


def read_table(raw: bytes, shape: type[Row], *, encoding: Encoding = "utf-8") -> list[Line[Row]]:
    """Raises: TableRefused: With every line that is not as ``shape`` says, and with keys that come twice."""
    cells = _lines(_text(raw, encoding))
    header_at, header = next(cells, (1, []))
    _check_header(header_at, header, shape)
    lines: list[Line[Row]] = []
    errors: list[LineError] = []
    seen: dict[tuple[Any, ...], int] = {}
    for number, values in cells:
        try:
            row = _row(number, header, values, shape)
        except TableRefused as refused:
            errors += refused.errors
            if len(errors) >= MOST_ERRORS:
                errors.append(
                    LineError(number, None, "better lines before this one, the rest was not read", "too many")
                )
                break
            continue
        first = seen.setdefault(row.key_values, number)
        if first != number:
            found = ",".join(str(value) for value in row.key_values)
            errors.append(LineError(number, header[0], f"a key once, it is in line {first} already", found))
        lines.append(Line(number, row))
    if errors:
        raise TableRefused(errors)
    return lines


def write_table(shape: type[Row], rows: Iterable[Row]) -> str:
    """The table as a file that ``read_table`` takes; line ends are LF."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = shape.columns()
    writer.writerow(columns.values())
    writer.writerows([_cell(getattr(row, name)) for name in columns] for row in rows)
    return out.getvalue()


def _text(raw: bytes, encoding: Encoding) -> str:
    try:
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = repr(raw[error.start : error.start + 4])
        raise TableRefused([LineError(line, None, f"text in {encoding}, or another encoding named", found)]) from None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the cells of each line that has any, with the number of the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins_at = 1
    try:
        for cells in reader:
            if cells:
                yield begins_at, cells
            begins_at = reader.line_num + 1
    except csv.Error as error:
        raise TableRefused([LineError(begins_at, None, "a line of CSV", str(error))]) from None


def _check_header(line: int, header: list[str], shape: type[Row]) -> None:
    names = [name.strip() for name in header]
    header[:] = names
    columns = shape.columns()
    known = ", ".join(columns.values())
    if len(names) > _MOST_COLUMNS:
        found = f"{len(names)} columns"
        raise TableRefused([LineError(line, None, f"{_MOST_COLUMNS} columns at most, of {known}", found)])
    errors = [
        LineError(line, _shown(name), f"one of {known}", _shown(name)) for name in names if name not in columns.values()
    ]
    errors += [
        LineError(line, _shown(name), "a column once", _shown(name)) for name in {*names} if names.count(name) > 1
    ]
    required = [alias for name, alias in columns.items() if shape.model_fields[name].is_required()]
    found = _shown(",".join(names))
    errors += [LineError(line, alias, f"a column {alias}", found) for alias in required if alias not in names]
    if errors:
        raise TableRefused(errors)


def _row(number: int, header: list[str], values: list[str], shape: type[Row]) -> Row:
    if len(values) != len(header):
        raise TableRefused([LineError(number, None, f"{len(header)} cells", f"{len(values)} cells")])
    given = dict(zip(header, values, strict=True))
    try:
        return shape.model_validate({column: cell for column, cell in given.items() if cell != ""})
    except ValidationError as error:
        raise TableRefused([_line_error(number, given, dict(each)) for each in error.errors()]) from None


def _line_error(number: int, given: dict[str, str], error: dict[str, Any]) -> LineError:
    column = str(error["loc"][0]) if error["loc"] else None
    message = str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, expected ")
    expected = "a value" if error["type"] == "missing" else message
    return LineError(
        number, column, expected, _shown(given.get(column or "", "") if column else ",".join(given.values()))
    )


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _TRUE[value]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
