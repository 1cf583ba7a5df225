"""A table comes out of a file as it went in; what is wrong in a file is told line by line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.catalogue import KINDS_CSV
from api.catalogue.csv_tables import MOST_ERRORS, LineError, TableRefused, TableRow, read_table, write_table
from api.catalogue.rows import CodeRow, ConditionRow, DayRow, EscalationRow, KindRow, StageRow

HEADER = KINDS_CSV.read_text(encoding="utf-8").splitlines()[0]
GOOD = "stall,Stall,摊点,event,local,0699,camera,same,300,120,2,urgent_hour,urban-management,trading,50,24,1,24,0,0,"


def _errors(raw: str | bytes, **changes: str) -> list[LineError]:
    raw = raw.encode() if isinstance(raw, str) else raw
    with pytest.raises(TableRefused) as refused:
        read_table(raw, KindRow, **changes)  # type: ignore[arg-type]
    return refused.value.errors


def _with(**cells: str) -> str:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | cells
    return ",".join(values.values())


def test_the_default_catalogue_is_the_one_of_the_issue() -> None:
    lines = read_table(KINDS_CSV.read_bytes(), KindRow)
    assert len(lines) == 26
    assert HEADER == (
        "key,name_en,name_zh,code_class,code_scheme,code,seen_by,policy,dwell_s,clear_s,limit,limit_unit,department,"
        "family,join_m,join_h,join_by_watch,mute_h,keep_plate,safety,note"
    )
    by_key = {line.row.key: line.row for line in lines}
    assert by_key["street-encroachment"].code == "0406"
    assert by_key["grain-drying"].code == "X0699"
    assert (by_key["manhole-open"].join_m, by_key["manhole-open"].safety) == (0, True)


def test_the_default_catalogue_comes_out_as_it_went_in() -> None:
    text = KINDS_CSV.read_text(encoding="utf-8")
    assert write_table(KindRow, [line.row for line in read_table(text.encode(), KindRow)]) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_is_read_in_each_encoding(encoding: str) -> None:
    raw = f"{HEADER}\r\n{GOOD}\r\n".encode(encoding)
    [line] = read_table(raw, KindRow, encoding="gb18030" if encoding == "gb18030" else "utf-8")
    assert (line.row.name_zh, line.row.code) == ("摊点", "0699")


def test_gb18030_is_not_guessed_and_the_line_is_named() -> None:
    [error] = _errors(f"{HEADER}\n{GOOD}\n".encode("gb18030"))
    assert (error.line, error.expected) == (2, "text in utf-8, or another encoding named")


@pytest.mark.parametrize(
    ("cells", "column", "expected", "found"),
    [
        ({"join_m": "2001"}, "join_m", "less than or equal to 2000", "2001"),
        ({"join_m": "near"}, "join_m", "a valid number, unable to parse string as a number", "near"),
        ({"limit": "0"}, "limit", "greater than 0", "0"),
        ({"limit": "1001"}, "limit", "less than or equal to 1000", "1001"),
        ({"limit": "inf"}, "limit", "a finite number", "inf"),
        ({"limit": "1/0"}, "limit", "a number or a fraction such as 1/6", "1/0"),
        ({"limit_unit": "week"}, "limit_unit", "'hour', 'day', 'urgent_hour', 'work_hour' or 'workday'", "week"),
        ({"policy": "most"}, "policy", "'same', 'any' or 'area'", "most"),
        ({"safety": "perhaps"}, "safety", "a valid boolean, unable to interpret input", "perhaps"),
        ({"name_en": ""}, "name_en", "a value", ""),
        ({"key": ""}, "key", "a value", ""),
        ({"code_class": "none"}, None, "no code where code_class is none", _with(code_class="none")[:100] + "…"),
        ({"code": ""}, None, "code and code_scheme both or neither", _with(code="")[:100] + "…"),
    ],
)
def test_a_wrong_cell_is_told(cells: dict[str, str], column: str | None, expected: str, found: str) -> None:
    [error] = _errors(f"{HEADER}\n{GOOD}\n{_with(**{'key': 'other', **cells})}\n")
    if column is None:
        found = error.found
    assert (error.line, error.column, error.expected, error.found) == (3, column, expected, found)


def test_every_bad_line_is_told_with_the_number_that_an_editor_shows() -> None:
    quoted = _with(key="second", note='"a note over\ntwo lines"')
    lines = [HEADER, _with(limit="-1", join_h="x"), "", quoted, _with(key="third", department=""), "a,b", GOOD]
    found = [(error.line, error.column) for error in _errors("\n".join(lines))]
    assert found == [(2, "limit"), (2, "join_h"), (6, "department"), (7, None)]


def test_a_key_that_comes_twice_names_the_first_line() -> None:
    [error] = _errors(f"{HEADER}\n{GOOD}\n{GOOD}\n")
    assert (error.line, error.expected, error.found) == (3, "a key once, it is in line 2 already", "stall")


def test_unknown_missing_and_double_columns_are_named() -> None:
    header = HEADER.replace(",family", ",familly").replace(",note", ",code")
    found = {(error.line, error.column, error.expected[:20]) for error in _errors(f"{header}\n{GOOD}\n")}
    assert found == {
        (1, "familly", "one of key, name_en,"),
        (1, "family", "a column family"),
        (1, "code", "a column once"),
    }


@pytest.mark.parametrize("columns", ["," * 1_999_999, ",".join(map(str, range(5000)))])
def test_a_table_of_columns_alone_is_one_error(columns: str) -> None:
    [error] = _errors(columns)
    assert (error.line, error.found) == (1, f"{columns.count(',') + 1} columns")


@pytest.mark.parametrize("line", ["x", "," * (HEADER.count(","))])
def test_a_table_of_bad_lines_is_left_after_ten_thousand_errors(line: str) -> None:
    errors = _errors(f"{HEADER}\n" + f"{line}\n" * 60_000)
    assert MOST_ERRORS < len(errors) < MOST_ERRORS + 100
    assert "the rest was not read" in errors[-1].expected


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b'"', b"\x00", b"\n\n\n", b'key,"\n'])
def test_what_is_no_table_is_refused(raw: bytes) -> None:
    assert _errors(raw)


@given(raw=st.binary(max_size=300) | st.text(alphabet='key,"\n\r0é\x00', max_size=60).map(str.encode))
def test_no_bytes_whatever_end_in_another_error(raw: bytes) -> None:
    for shape in (KindRow, CodeRow, DayRow, StageRow, ConditionRow):
        with suppress(TableRefused):
            read_table(shape.columns()[shape.key_fields[0]].encode() + raw, shape)


def test_columns_may_come_in_any_order_and_optional_ones_not_at_all() -> None:
    raw = "name_en,code,code_class,code_scheme,name_zh\nStall,0406,event,cn-30428-city,占道经营\n"
    [line] = read_table(raw.encode(), CodeRow)
    assert (line.row.scheme, line.row.code, line.row.confidence) == ("cn-30428-city", "0406", None)


def test_ten_minutes_are_a_sixth_of_an_hour_also_after_an_export() -> None:
    [line] = read_table(b"stage,limit,limit_unit\naccept,1/6,hour\n", StageRow)
    again = read_table(write_table(StageRow, [line.row]).encode(), StageRow)
    assert again[0].row.limit * 3600 == pytest.approx(600)
    assert again[0].row == line.row


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "20260101", "2026-1-1"])
def test_a_day_that_is_none_is_told(day: str) -> None:
    with pytest.raises(TableRefused):
        read_table(f"day,working,name\n{day},0,Holiday\n".encode(), DayRow)


@pytest.mark.parametrize(
    ("name", "shape", "rows"),
    [
        ("codes", CodeRow, 322),
        ("calendar_days", DayRow, 39),
        ("stage_limits", StageRow, 5),
        ("escalation_steps", EscalationRow, 12),
    ],
)
def test_every_table_of_this_release_can_be_imported(name: str, shape: type[TableRow], rows: int) -> None:
    assert len(read_table((KINDS_CSV.parent / f"{name}.csv").read_bytes(), shape)) == rows
