"""The API's operations on acts on cases. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class ActsOnCases(Operations):
    """Acts on cases."""

    def ask_for(self, case_id: UUID, body: models.Asking, *, if_match: str | None = None) -> models.AskAnswer:
        """Asks a supervisor for an extension or a suspension."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/asks", headers={"if-match": if_match}, body=body),
            models.AskAnswer,
        )

    def link_cases(self, case_id: UUID, body: models.Linking, *, if_match: str | None = None) -> models.CaseForActing:
        """Says that another case has to do with this one."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/links", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def act_on_many(self, body: models.Batch, *, if_match: str | None = None) -> list[models.BatchAnswer]:
        """Confirms, rejects or dispatches up to 100 cases; an answer for each, in their order."""
        return self._read(
            self._ask("POST", "/api/v1/cases/batch", headers={"if-match": if_match}, body=body),
            list[models.BatchAnswer],
        )

    def file_case(
        self, case_id: UUID, body: models.Confirmation | None, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """Files the alarm as a case under its number; 409 where somebody was faster."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/cases/{self._part(case_id)}/confirm", headers={"if-match": if_match}, body=body
            ),
            models.CaseForActing,
        )

    def turn_down(self, case_id: UUID, body: models.Reasoned, *, if_match: str | None = None) -> models.CaseForActing:
        """Turns the alarm down, with a reason, and mutes what looks the same for a while."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/reject", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def give_kind(self, case_id: UUID, body: models.KindGiven, *, if_match: str | None = None) -> models.CaseForActing:
        """Gives an alarm or an open case another kind; what was detected stays beside it."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/kind", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def dispatch_case(
        self, case_id: UUID, body: models.DispatchOrder | None, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """Sends the case to a department; its limit is fixed now."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/cases/{self._part(case_id)}/dispatch", headers={"if-match": if_match}, body=body
            ),
            models.CaseForActing,
        )

    def start(self, case_id: UUID, body: models.Seen | None, *, if_match: str | None = None) -> models.CaseForActing:
        """The department begins to handle the case."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/start", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def finish(
        self, case_id: UUID, body: models.Finishing | None, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """The department has handled the case; now it is to be checked."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/finish", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def give_back(self, case_id: UUID, body: models.Reasoned, *, if_match: str | None = None) -> models.CaseForActing:
        """The department gives the case back, with a reason, to be dispatched anew."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/return", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def take_up_again(
        self, case_id: UUID, body: models.Seen | None, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """Ends a suspension: the clock goes on with what was left."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/resume", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def check(self, case_id: UUID, body: models.Seen | None, *, if_match: str | None = None) -> models.CaseForActing:
        """Somebody begins to check what was handled."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/check", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def close_case(self, case_id: UUID, body: models.Closing, *, if_match: str | None = None) -> models.CaseForActing:
        """Closes the case on what a camera or a person saw; whoever handled it is not that person."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/close", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def send_back(self, case_id: UUID, body: models.Reasoned, *, if_match: str | None = None) -> models.CaseForActing:
        """The check failed: the case is handled again."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/cases/{self._part(case_id)}/fail-check", headers={"if-match": if_match}, body=body
            ),
            models.CaseForActing,
        )

    def open_again(self, case_id: UUID, body: models.Reasoned, *, if_match: str | None = None) -> models.CaseForActing:
        """Opens a closed case again, shortly after it was closed."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/reopen", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def declare_void(
        self, case_id: UUID, body: models.Reasoned, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """Takes a filed case out of the statistics, with a reason; its number stays used."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/void", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def merge_case(self, case_id: UUID, body: models.Merging, *, if_match: str | None = None) -> models.CaseForActing:
        """Merges the case into another one: its incidents go there, and it can be taken back."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/merge", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def unmerge_case(
        self, case_id: UUID, body: models.Seen | None, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """Takes a merged case back to its former state, with the incidents that were its own."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/cases/{self._part(case_id)}/unmerge", headers={"if-match": if_match}, body=body
            ),
            models.CaseForActing,
        )

    def split_case(self, case_id: UUID, body: models.Splitting, *, if_match: str | None = None) -> models.CaseForActing:
        """Makes a case of its own of some incidents, and shows it; what the two watches see is kept apart ..."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/split", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def give_to(self, case_id: UUID, body: models.Assigning, *, if_match: str | None = None) -> models.CaseForActing:
        """Gives the case to a person, or to nobody; a handler takes it for themselves, or releases it."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/assign", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def flag(self, case_id: UUID, body: models.Flagging, *, if_match: str | None = None) -> models.CaseForActing:
        """Sets or takes off urgent, supervised, exempt; with a reason."""
        return self._read(
            self._ask("POST", f"/api/v1/cases/{self._part(case_id)}/flags", headers={"if-match": if_match}, body=body),
            models.CaseForActing,
        )

    def write_comment(
        self, case_id: UUID, body: models.Comment, *, if_match: str | None = None
    ) -> models.CaseForActing:
        """Writes into the case's history; its version stays."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/cases/{self._part(case_id)}/comments", headers={"if-match": if_match}, body=body
            ),
            models.CaseForActing,
        )

    def decide(
        self, case_id: UUID, ask_id: UUID, body: models.AskDecision, *, if_match: str | None = None
    ) -> models.AskAnswer:
        """Grants or refuses what a handler asked for."""
        return self._read(
            self._ask(
                "POST",
                f"/api/v1/cases/{self._part(case_id)}/asks/{self._part(ask_id)}/decision",
                headers={"if-match": if_match},
                body=body,
            ),
            models.AskAnswer,
        )

    def add_picture(self, case_id: UUID, files: dict[str, Any], *, if_match: str | None = None) -> models.AddedPicture:
        """Adds a picture of before, after or the check, once it is decoded and kept; ``shows_plate`` guards ..."""
        return self._read(
            self._ask(
                "POST", f"/api/v1/cases/{self._part(case_id)}/evidence", headers={"if-match": if_match}, files=files
            ),
            models.AddedPicture,
        )
