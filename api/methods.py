"""Which methods an address knows, whichever of its routes serves each."""

from __future__ import annotations

from collections.abc import Iterable

from api.access import declared_actions


class Methods:
    """routes: the application's, with those of its routers."""

    def __init__(self, routes: Iterable[object]) -> None:
        self._routes = [(route.path_regex, route.methods) for route, _action in declared_actions(routes)]

    def of(self, path: str) -> list[str]:
        """Returns the methods of this path, sorted; none where there is no such path."""
        return sorted({method for regex, methods in self._routes if regex.match(path) for method in methods or ()})
