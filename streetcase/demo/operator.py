"""Talks to the case API as people do: the administrator adds an operator, and the operator works on cases."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoCase:
    """A case as the API shows it, with its evidence and the reports behind it."""

    detail: Json
    reports: list[Json]

    @property
    def kind(self) -> str:
        return str(self.detail["kind"]["key"])

    @property
    def id(self) -> str:
        return str(self.detail["id"])

    @property
    def is_gone(self) -> bool:
        """Every incident in it was cleared as gone."""
        return bool(self.detail["gone_at"]) and all(i["clear_reason"] == "gone" for i in self.detail["incidents"])


class Operator:
    """A logged-in operator. Raises httpx.HTTPError where the API does not do what is asked."""

    def __init__(self, api_url: str, *, administrator_password: str) -> None:
        self._http = httpx.Client(base_url=api_url, timeout=10.0, trust_env=False)
        password = secrets.token_urlsafe(24)
        administrator = self._log_in("administrator", administrator_password)
        self._http.post(
            "/api/v1/people",
            json={"name": "demo-operator", "role": "operator", "password": password},
            headers=administrator,
        ).raise_for_status()
        self._http.headers.update(self._log_in("demo-operator", password))

    def _log_in(self, name: str, password: str) -> dict[str, str]:
        answer = self._http.post("/api/v1/sessions", json={"name": name, "password": password})
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}

    def close(self) -> None:
        self._http.close()

    def cases(self) -> list[DemoCase]:
        return [self.case(item["id"]) for item in self._get("/api/v1/cases?limit=200")["items"]]

    def case(self, case_id: str) -> DemoCase:
        return DemoCase(self._get(f"/api/v1/cases/{case_id}"), self._get(f"/api/v1/cases/{case_id}/reports")["items"])

    def confirm(self, case: DemoCase) -> Json:
        answer = self._http.post(f"/api/v1/cases/{case.id}/confirm", json={"version": case.detail["version"]})
        return dict(answer.raise_for_status().json())

    def history(self, case: DemoCase) -> list[Json]:
        return list(self._get(f"/api/v1/cases/{case.id}/history")["items"])

    def save_evidence(self, case: DemoCase, folder: Path) -> list[Path]:
        """Downloads the pictures of a case and returns their files; what is not there yet is left out."""
        folder.mkdir(parents=True, exist_ok=True)
        saved: list[Path] = []
        for number, item in enumerate(case.detail["evidence"]):
            if item["state"] == "present":
                answer = self._http.get(f"/api/v1/cases/{case.id}/evidence/{item['sha256']}").raise_for_status()
                path = folder / f"{case.kind}-{number:02}-{item['role']}.jpg"
                path.write_bytes(answer.content)
                saved.append(path)
        return saved

    def _get(self, path: str) -> Json:
        return dict(self._http.get(path).raise_for_status().json())
