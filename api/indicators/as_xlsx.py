"""Writes a bulletin as a workbook: a sheet per table, real numbers, percentages as such, and no formulas."""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.cell.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from api.indicators.tables import Bulletin, Cell, CellType, Table

_FORMATS = {
    CellType.TEXT: "@",
    CellType.COUNT: "#,##0",
    CellType.PERCENT: "0.00%",
    CellType.NUMBER: "0.00",
    CellType.CHANGE: "+0.00;-0.00;0.00",
}
_HEADER = PatternFill("solid", fgColor="DCE6F1")
_TITLE_ROWS = 2
_LONGEST_TITLE = 31
_MOST_WIDE = 40


def bulletin_as_xlsx(bulletin: Bulletin) -> bytes:
    """Each sheet opens with the bulletin's title and notes, and prints on pages one sheet wide."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in bulletin.tables:
        sheet = book.create_sheet(_sheet_title(table.title))
        _fill(sheet, table, bulletin)
        _lay_out(sheet, table)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _fill(sheet: Worksheet, table: Table, bulletin: Bulletin) -> None:
    _text(_at(sheet, 1, 1), f"{bulletin.title} {bulletin.period} · {table.title}").font = Font(bold=True, size=14)
    _text(_at(sheet, 2, 1), " · ".join(bulletin.notes))
    header = _TITLE_ROWS + 1
    for place, column in enumerate(table.columns, start=1):
        cell = _text(_at(sheet, header, place), column.title)
        cell.font, cell.fill = Font(bold=True), _HEADER
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    for number, row in enumerate(table.rows, start=header + 1):
        for place, (value, column) in enumerate(zip(row, table.columns, strict=True), start=1):
            _value(_at(sheet, number, place), value, column.type, none=bulletin.none)
    if table.left_out:
        _text(_at(sheet, header + len(table.rows) + 1, 1), f"{table.left_out} {bulletin.more}")


def _at(sheet: Worksheet, row: int, column: int) -> SheetCell:
    cell = sheet.cell(row, column)
    if not isinstance(cell, SheetCell):
        raise TypeError("expected a sheet without merged cells")
    return cell


def _value(cell: SheetCell, value: Cell, cell_type: CellType, *, none: str) -> None:
    if value is None or isinstance(value, str):
        _text(cell, none if value is None else value)
        cell.alignment = Alignment(horizontal="right" if value is None else None)
        return
    cell.value = value / 100 if cell_type is CellType.PERCENT and isinstance(value, Decimal) else value
    cell.number_format = _FORMATS[cell_type]


def _text(cell: SheetCell, text: str) -> SheetCell:
    # Said to be text: openpyxl takes what begins with = for a formula.
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type = "s"
    cell.quotePrefix = True  # so that it stays text when somebody edits the cell
    return cell


def _lay_out(sheet: Worksheet, table: Table) -> None:
    sheet.freeze_panes = f"B{_TITLE_ROWS + 2}"
    for place, column in enumerate(table.columns):
        longest = max((_width(str(row[place])) for row in table.rows), default=0)
        width = min(max(longest if column.type is CellType.TEXT else 10, 10) + 2, _MOST_WIDE)
        sheet.column_dimensions[get_column_letter(place + 1)].width = width
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{_TITLE_ROWS + 1}:{_TITLE_ROWS + 1}"


def _width(text: str) -> int:
    """In columns of Latin letters; a Chinese character takes two."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)


def _sheet_title(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\\\]", " ", title)[:_LONGEST_TITLE]
