"""The API's operations on places. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class Places(Operations):
    """Places."""

    def show_grids(self, *, datum: Literal["WGS84", "GCJ02"] | None = None) -> models.GridCollection:
        """Show Grids"""
        return self._read(self._ask("GET", "/api/v1/places/grids", query={"datum": datum}), models.GridCollection)

    def replace_grids(
        self, body: dict[str, Any], *, datum: Literal["WGS84", "GCJ02"] | None = None, dry_run: bool | None = None
    ) -> models.PlacesImportAnswer:
        """Takes a feature collection as the whole map: grids that are not in it go. Cases stay as they are."""
        return self._read(
            self._ask("PUT", "/api/v1/places/grids", query={"datum": datum, "dry_run": dry_run}, body=body),
            models.PlacesImportAnswer,
        )

    def add_grids(
        self, body: dict[str, Any], *, datum: Literal["WGS84", "GCJ02"] | None = None, dry_run: bool | None = None
    ) -> models.PlacesImportAnswer:
        """Adds the grids of a feature collection, or changes those of the same ids; all others stay."""
        return self._read(
            self._ask("POST", "/api/v1/places/grids", query={"datum": datum, "dry_run": dry_run}, body=body),
            models.PlacesImportAnswer,
        )

    def delete_grid(self, grid_id: str) -> None:
        """409 where an assignment names it."""
        self._ask("DELETE", f"/api/v1/places/grids/{self._part(grid_id)}")

    def show_roads(self, *, datum: Literal["WGS84", "GCJ02"] | None = None) -> models.RoadCollection:
        """Show Roads"""
        return self._read(self._ask("GET", "/api/v1/places/roads", query={"datum": datum}), models.RoadCollection)

    def replace_roads(
        self, body: dict[str, Any], *, datum: Literal["WGS84", "GCJ02"] | None = None, dry_run: bool | None = None
    ) -> models.PlacesImportAnswer:
        """Takes a feature collection as the whole map: roads that are not in it go."""
        return self._read(
            self._ask("PUT", "/api/v1/places/roads", query={"datum": datum, "dry_run": dry_run}, body=body),
            models.PlacesImportAnswer,
        )

    def add_roads(
        self, body: dict[str, Any], *, datum: Literal["WGS84", "GCJ02"] | None = None, dry_run: bool | None = None
    ) -> models.PlacesImportAnswer:
        """Adds the roads of a feature collection, or changes those of the same ids; all others stay."""
        return self._read(
            self._ask("POST", "/api/v1/places/roads", query={"datum": datum, "dry_run": dry_run}, body=body),
            models.PlacesImportAnswer,
        )

    def delete_road(self, road_id: str) -> None:
        """Delete Road"""
        self._ask("DELETE", f"/api/v1/places/roads/{self._part(road_id)}")

    def list_departments(self) -> list[models.ShownDepartment]:
        """List Departments"""
        return self._read(self._ask("GET", "/api/v1/places/departments"), list[models.ShownDepartment])

    def put_department(self, key: str, body: models.GivenDepartment) -> models.ShownDepartment:
        """Adds or changes a department. To retire one keeps its cases; no assignment of it holds any more."""
        return self._read(
            self._ask("PUT", f"/api/v1/places/departments/{self._part(key)}", body=body), models.ShownDepartment
        )

    def list_assignments(self) -> list[models.ShownAssignment]:
        """List Assignments"""
        return self._read(self._ask("GET", "/api/v1/places/assignments"), list[models.ShownAssignment])

    def post_assignment(self, body: models.GivenAssignment) -> models.ShownAssignment:
        """Says who handles a kind on a class of road in a grid; the most definite assignment holds, then the ..."""
        return self._read(self._ask("POST", "/api/v1/places/assignments", body=body), models.ShownAssignment)

    def delete_assignment(self, assignment_id: int) -> None:
        """Delete Assignment"""
        self._ask("DELETE", f"/api/v1/places/assignments/{self._part(assignment_id)}")

    def list_page_permits(
        self,
        *,
        datum: Literal["WGS84", "GCJ02"] | None = None,
        after: UUID | None = None,
        limit: int | None = None,
        over: bool | None = None,
    ) -> models.PermitPage:
        """Lists permits in the order in which they were made."""
        return self._read(
            self._ask(
                "GET", "/api/v1/places/permits", query={"datum": datum, "after": after, "limit": limit, "over": over}
            ),
            models.PermitPage,
        )

    def add(self, body: models.GivenPermit) -> models.ShownPermit:
        """Permits some kinds in an area. Its hours are in the site's time zone, which is kept with it. A kind ..."""
        return self._read(self._ask("POST", "/api/v1/places/permits", body=body), models.ShownPermit)

    def revoke(self, permit_id: UUID) -> models.ShownPermit:
        """Ends a permit now, and what it muted. To revoke it again changes nothing."""
        return self._read(
            self._ask("POST", f"/api/v1/places/permits/{self._part(permit_id)}/revoke"), models.ShownPermit
        )

    def list_cameras(
        self, *, edge_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> models.CameraPage:
        """List Cameras"""
        return self._read(
            self._ask("GET", "/api/v1/places/cameras", query={"edge_id": edge_id, "after": after, "limit": limit}),
            models.CameraPage,
        )

    def show_camera(self, edge_id: str, camera_id: str) -> models.ShownCamera:
        """Show Camera"""
        return self._read(
            self._ask("GET", f"/api/v1/places/cameras/{self._part(edge_id)}/{self._part(camera_id)}"),
            models.ShownCamera,
        )

    def put_camera(self, edge_id: str, camera_id: str, body: models.GivenCamera) -> models.ShownCamera:
        """Registers or edits a camera of an enrolled edge; ``camera_id`` is what the edge's file calls it."""
        return self._read(
            self._ask("PUT", f"/api/v1/places/cameras/{self._part(edge_id)}/{self._part(camera_id)}", body=body),
            models.ShownCamera,
        )

    def delete_camera(self, edge_id: str, camera_id: str) -> None:
        """Delete Camera"""
        self._ask("DELETE", f"/api/v1/places/cameras/{self._part(edge_id)}/{self._part(camera_id)}")

    def list_sensors(
        self, *, edge_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> models.SensorPage:
        """List Sensors"""
        return self._read(
            self._ask("GET", "/api/v1/places/sensors", query={"edge_id": edge_id, "after": after, "limit": limit}),
            models.SensorPage,
        )

    def show_sensor(self, edge_id: str, sensor_id: str) -> models.ShownSensor:
        """Show Sensor"""
        return self._read(
            self._ask("GET", f"/api/v1/places/sensors/{self._part(edge_id)}/{self._part(sensor_id)}"),
            models.ShownSensor,
        )

    def put_sensor(self, edge_id: str, sensor_id: str, body: models.GivenSensor) -> models.ShownSensor:
        """Registers or edits a sensor of an enrolled edge; ``sensor_id`` is what the edge's file calls it."""
        return self._read(
            self._ask("PUT", f"/api/v1/places/sensors/{self._part(edge_id)}/{self._part(sensor_id)}", body=body),
            models.ShownSensor,
        )

    def delete_sensor(self, edge_id: str, sensor_id: str) -> None:
        """Delete Sensor"""
        self._ask("DELETE", f"/api/v1/places/sensors/{self._part(edge_id)}/{self._part(sensor_id)}")

    def list_page_assets(self, *, after: str | None = None, limit: int | None = None) -> models.AssetPage:
        """List Page"""
        return self._read(
            self._ask("GET", "/api/v1/places/assets", query={"after": after, "limit": limit}), models.AssetPage
        )

    def import_table(
        self, body: list[dict[str, Any]] | None = None, *, dry_run: bool | None = None
    ) -> models.AssetImportAnswer:
        """Adds or changes components, from CSV (``text/csv``, UTF-8, with a head line) or a JSON list of ..."""
        return self._read(
            self._ask("POST", "/api/v1/places/assets", query={"dry_run": dry_run}, body=body), models.AssetImportAnswer
        )

    def resolve_position(
        self,
        *,
        longitude: float,
        latitude: float,
        kind: str,
        datum: Literal["WGS84", "GCJ02"] | None = None,
        at: datetime | None = None,
    ) -> models.WhatItMeans:
        """Resolves as a report would be. ``at`` is now where it is left out."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/places/resolve",
                query={"longitude": longitude, "latitude": latitude, "kind": kind, "datum": datum, "at": at},
            ),
            models.WhatItMeans,
        )
