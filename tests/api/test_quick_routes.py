"""What is answered by the shorter way is what the usual one answers, and a restarted database is noticed by nobody."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select, text

from api.asking import Question
from api.database import Database, NotQuick
from api.rights import Role
from api.tables import Case
from tests.api.place import Place, a_report

PATHS = (
    "/api/v1/cases?limit=3",
    "/api/v1/cases?sort=review&limit=200",
    "/api/v1/cases?sort=due&state=detected&state=filed&limit=2",
    "/api/v1/cases?kind=street-vendor&overdue=false&nonsense=1",
    "/api/v1/cases?q=stall",
    "/api/v1/cases?limit=0",
    "/api/v1/cases?limit=",
    "/api/v1/cases?state=nowhere",
    "/api/v1/cases?after=1",
    "/api/v1/cases?q=!!",
    "/api/v1/cases?q=stall&sort=due",
    "/api/v1/cases/00000000-0000-0000-0000-000000000000",
    "/api/v1/cases/nonsense",
)


def _never(_: Database) -> None:
    raise NotQuick("not in this test")


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.HANDLER, Role.INTEGRATOR, None])
def test_both_ways_answer_the_same(shared_place: Place, monkeypatch: pytest.MonkeyPatch, role: Role | None) -> None:
    answers = shared_place.report(*[a_report() for _ in range(4)])
    filed = f"/api/v1/cases/{answers[0].case_id}"
    assert shared_place.person(Role.OPERATOR).post(f"{filed}/confirm").status_code == 200
    client = shared_place.client() if role is None else shared_place.person(role)
    paths = (*PATHS, filed, f"/api/v1/cases/{answers[1].case_id}")
    quick = [client.get(path) for path in paths]
    monkeypatch.setattr(Database, "quick", _never)
    for path, answer in zip(paths, quick, strict=True):
        usual = client.get(path)
        assert (answer.status_code, answer.headers.get("ETag")) == (usual.status_code, usual.headers.get("ETag")), path
        assert answer.json() | {"request_id": ""} == usual.json() | {"request_id": ""}, path


def test_the_first_request_after_the_database_was_restarted_is_answered(shared_postgres_place: Place) -> None:
    [answer] = shared_postgres_place.report(a_report())
    shared_postgres_place.case(answer.case_id)
    with shared_postgres_place.app.state.services.database.engine.connect() as connection:
        # As a restart does, to all connections but the one that does it.
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert shared_postgres_place.case(answer.case_id)["version"] == 1
    assert shared_postgres_place.cases()


def test_a_question_with_a_list_is_refused(shared_sqlite_place: Place) -> None:
    database: Database = shared_sqlite_place.app.state.services.database
    listed = Question(select(Case.id).where(Case.id.in_(bindparam("case_ids", expanding=True))))
    with pytest.raises(TypeError, match="never with a list"), database.quick() as asks:
        asks(listed, {"case_ids": []})
