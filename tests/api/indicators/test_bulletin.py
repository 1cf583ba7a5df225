"""The bulletin says the same figures as a page, as CSV and as a workbook, and runs nothing that a name says."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import update

from api.cases.states import CaseState
from api.rights import Role
from api.spreadsheets import harmless
from api.tables import Camera, Edge, Grid, Person
from tests.api.indicators.histories import a_case, an_alarm, put
from tests.api.indicators.test_counting import a_march_of
from tests.api.place import Place

FORMULA = '=HYPERLINK("http://attacker.example","click")'
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def assessed(place: Place) -> Place:
    """A place with the month that is worked out by hand in test_counting.py, and names that mean harm."""
    return _assess(place)


@pytest.fixture
def assessed_sqlite(sqlite_place: Place) -> Place:
    return _assess(sqlite_place)


def _assess(place: Place) -> Place:
    with place.app.state.services.database.write() as session:
        session.add(Edge(id="gate-3", created_at=place.app.state.services.clock()))
        session.flush()
        session.add(Camera(edge_id="gate-3", id="camera-1", name=SCRIPT, presets=[]))
        session.add(Grid(id="grid-a", name_en=FORMULA, name_zh=FORMULA, district="341122", geometry={}))
    put(
        place,
        *a_march_of("urban-management"),
        a_case("sanitation", CaseState.CLOSED, due="2025-02-10 12:00", handled="2025-02-10 11:00", grid_id="grid-a"),
    )
    return place


def asked(client: httpx.Client, **params: str) -> httpx.Response:
    answer = client.get("/api/v1/indicators/bulletin", params={"month": "2025-03", "language": "en"} | params)
    assert answer.status_code == 200, answer.text
    return answer


def sections(answer: httpx.Response) -> dict[str, list[dict[str, str]]]:
    """Reads a bulletin's CSV into its tables, each with its rows."""
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    found: dict[str, list[dict[str, str]]] = {}
    blocks: list[list[list[str]]] = [[]]
    for row in csv.reader(StringIO(text.removeprefix("\ufeff"))):
        if row:
            blocks[-1].append(row)
        else:
            blocks.append([])
    for (title,), *rows in blocks[1:]:
        found[title] = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return found


def test_the_page_shows_the_figures_worked_out_by_hand(assessed: Place) -> None:
    answer = asked(assessed.person(Role.SUPERVISOR), language="zh")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = answer.text
    assert '<html lang="zh">' in page
    for shown in ("月度通报", "2025-03", "72.00", "70.00 %", "73.33 %", "占道经营", "部门排名", "网格外", "全部部门"):
        assert shown in page, shown
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http://attacker.example", "")


def test_csv_has_each_table_with_its_figures(assessed: Place) -> None:
    answer = asked(assessed.person(Role.SUPERVISOR), format="csv")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="bulletin-2025-03.csv"'
    told = sections(answer)
    assert list(told) == [
        "Score",
        "Overview",
        "By department",
        "By grid",
        "By kind",
        "League table of departments",
        "League table of grids",
        "Precision of cameras",
        "Watches with most wrong alarms",
    ]
    # In February one case was due, and handled in time; it was due to be closed then, and is.
    assert told["Overview"][0] == {
        "Indicator": "Handling rate", "Cases": "7", "of": "10", "Rate": "70.00%",
        "Period before": "100.00%", "Change": "-30.00",
    }  # fmt: skip
    assert told["Overview"][5]["Indicator"] == "Extension rate"
    assert told["Score"] == [{"Of": "All departments", "Score": "72.00", "Score before": "100.00", "Change": "-28.00"}]
    (department,) = told["By department"]
    assert (department["Department"], department["On-time closing rate"]) == ("Urban management bureau", "50.00%")
    league = {
        row["Department"]: (row["Rank"], row["Score"], row["Rank before"])
        for row in told["League table of departments"]
    }
    assert league["Urban management bureau"] == ("1", "72.00", "none")
    assert "Platform operations" not in league
    assert league["Sanitation office"] == ("none", "none", "1")
    # 11 filed, 4 rejected; the camera's name is text, and it was the only one.
    (camera,) = told["Precision of cameras"]
    assert (camera["Camera"], camera["Precision"], camera["Minutes spent on wrong alarms"]) == (
        SCRIPT,
        "73.33%",
        "2.00",
    )


def test_names_are_never_formulas_in_csv(assessed_sqlite: Place) -> None:
    told = sections(asked(assessed_sqlite.person(Role.SUPERVISOR), format="csv"))
    assert [row["Grid"] for row in told["League table of grids"]] == [f"'{FORMULA}"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "\n=1",
        "＝1+1",
        "－1",
        "＠SUM",
        "\u3000=1",
        "\xa0+1",
        "\ufeff=1",
    ],
)
def test_what_spreadsheets_would_run_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a {text}") == f"a {text}"


def test_the_workbook_holds_numbers_percentages_and_no_formulas(assessed_sqlite: Place) -> None:
    answer = asked(assessed_sqlite.person(Role.SUPERVISOR), format="xlsx")

    book = load_workbook(BytesIO(answer.content))
    assert book.sheetnames[:3] == ["Score", "Overview", "By department"]
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"n", "s"}
    handling = [book["Overview"].cell(4, place) for place in range(1, 7)]
    assert [cell.value for cell in handling] == ["Handling rate", 7, 10, 0.7, 1, -30]
    assert [cell.number_format for cell in handling[1:5]] == ["#,##0", "#,##0", "0.00%", "0.00%"]
    grids = {row[1].value: row for row in book["League table of grids"].iter_rows(min_row=4)}
    assert (grids[FORMULA][1].data_type, grids[FORMULA][1].quotePrefix) == ("s", True)
    assert grids[FORMULA][0].value == "none"


def test_letters_that_no_workbook_can_hold_are_left_out(sqlite_place: Place) -> None:
    name = "bell\x07 and \x0b tab"
    with sqlite_place.app.state.services.database.write() as session:
        session.add(Grid(id="odd", name_en=name, name_zh=name, district="341122", geometry={}))
    book = load_workbook(BytesIO(asked(sqlite_place.person(Role.SUPERVISOR), format="xlsx").content))
    assert book["League table of grids"].cell(4, 2).value == "bell and  tab"


@pytest.mark.parametrize(
    ("period", "title", "months"),
    [
        ({"quarter": "2025-Q1"}, "Quarterly analysis 2025-Q1", ["2025-01", "2025-02", "2025-03"]),
        ({"year": "2025"}, "Yearly summary 2025", [f"2025-{month:02}" for month in range(1, 13)]),
    ],
)
def test_quarter_and_year_go_month_by_month(
    assessed_sqlite: Place, period: dict[str, str], title: str, months: list[str]
) -> None:
    client = assessed_sqlite.person(Role.SUPERVISOR)
    answer = client.get("/api/v1/indicators/bulletin", params={"format": "csv", "language": "en"} | period)

    assert title in answer.text
    trend = sections(answer)["Month by month"]
    assert [row["Month"] for row in trend] == months
    shown = {row["Month"]: (row["Due to handle"], row["Handling rate"], row["Score"]) for row in trend}
    assert shown["2025-01"] == ("0", "none", "none")
    assert (shown["2025-02"], shown["2025-03"]) == (("1", "100.00%", "100.00"), ("10", "70.00%", "72.00"))


def test_the_last_whole_month_is_told_in_the_persons_language(assessed_sqlite: Place) -> None:
    client = assessed_sqlite.person(Role.SUPERVISOR)
    assert "月度通报" in client.get("/api/v1/indicators/bulletin").text
    with assessed_sqlite.app.state.services.database.write() as session:
        session.execute(update(Person).values(language="en"))

    page = client.get("/api/v1/indicators/bulletin").text

    now = assessed_sqlite.app.state.services.clock()
    year, month = divmod(now.year * 12 + now.month - 2, 12)
    assert f"Monthly bulletin <span>{year}-{month + 1:02}</span>" in page
    assert "The period is not over" not in page


@pytest.mark.parametrize(
    ("role", "department", "note", "rows"),
    [
        (
            Role.HANDLER,
            "sanitation",
            "Only the department: Sanitation office",
            {"By department": 0, "Precision of cameras": 0},
        ),
        (Role.OPERATOR, None, "Only what became of alarms", {"By department": 1, "Precision of cameras": 1}),
    ],
)
def test_whose_figures_they_are_is_said(
    assessed_sqlite: Place, role: Role, department: str | None, note: str, rows: dict[str, int]
) -> None:
    answer = asked(assessed_sqlite.person(role, department), format="csv")
    assert note in answer.text
    assert {title: len(sections(answer)[title]) for title in rows} == rows


@pytest.mark.parametrize(
    "params",
    [
        {"month": "2025-13"},
        {"month": "0999-01"},
        {"quarter": "2025-Q5"},
        {"year": "25"},
        {"format": "pdf"},
        {"language": "fr"},
    ],
)
def test_what_no_bulletin_is_of_is_refused(shared_sqlite_place: Place, params: dict[str, Any]) -> None:
    client = shared_sqlite_place.person(Role.SUPERVISOR)
    assert client.get("/api/v1/indicators/bulletin", params=params).status_code == 422


def test_a_long_list_is_cut_and_says_so(sqlite_place: Place) -> None:
    put(
        sqlite_place,
        *(
            an_alarm("sanitation", CaseState.REJECTED, ended="05 09:00", watch_id=f"watch-{number}")
            for number in range(23)
        ),
    )
    assert "3 more are left out" in asked(sqlite_place.person(Role.SUPERVISOR), format="html").text
