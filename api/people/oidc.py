"""OpenID Connect's code flow with PKCE, state and nonce: sends people to the provider, and checks who comes back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from anyio import CapacityLimiter
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.people.oidc_errand import Errand
from api.people.oidc_errors import OidcRefused, OidcUnavailable
from api.people.oidc_settings import OidcSettings

_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 1_000_000
_KEPT_S = 3600.0
_NEW_KEYS_EVERY_S = 60.0
_LEEWAY_S = 60
_AT_ONCE = 4
"""A provider that hangs must not take the threads that everything else needs."""

_SIGNED_WITH = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""What is signed with the client's secret, or not at all, is refused."""


class OpenIdConnect:
    """One provider. Safe to share between threads; what it publishes is asked again every hour."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self.turns = CapacityLimiter(_AT_ONCE)
        self._http = httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False)
        self._lock = threading.Lock()
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def close(self) -> None:
        self._http.close()

    def address(self, errand: Errand) -> str:
        """Returns where to send the browser. Raises: OidcUnavailable."""
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_url,
            "scope": "openid profile email",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": create_s256_code_challenge(errand.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def claims(self, code: str, errand: Errand, *, now: datetime) -> dict[str, Any]:
        """Exchanges the code, and returns what the provider says of the person, once its signature holds.

        Raises: OidcRefused: The provider does not take the code. OidcUnavailable: Or it answers wrongly.
        """
        tokens = self._exchange(code, errand)
        claims = self._checked(str(tokens.get("id_token", "")), errand, now)
        wanted = {self.settings.match_claim, self.settings.role_claim if self.settings.roles else None} - {None}
        if wanted <= claims.keys() or "userinfo_endpoint" not in self._published():
            return claims
        headers = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
        more = self._ask("GET", self._endpoint("userinfo_endpoint"), headers=headers)
        if more.get("sub") != claims["sub"]:
            raise OidcUnavailable("the provider's userinfo speaks of somebody else")
        return more | claims

    def _exchange(self, code: str, errand: Errand) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_url,
            "code_verifier": errand.verifier,
        }
        about: dict[str, Any] = {}
        ways = self._published().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self.settings.client_secret is None:
            form["client_id"] = self.settings.client_id
        elif "client_secret_basic" in ways:
            # Encoded as forms are before they are joined: RFC 6749, 2.3.1.
            about["auth"] = (quote(self.settings.client_id, safe=""), quote(self.settings.client_secret, safe=""))
        else:
            form |= {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        return self._ask("POST", self._endpoint("token_endpoint"), data=form, refusable=True, **about)

    def _checked(self, id_token: str, errand: Errand, now: datetime) -> dict[str, Any]:
        seconds = int(now.timestamp())
        try:
            token = self._decoded(id_token)
            options = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
                "nonce": {"essential": True, "value": errand.nonce},
            }
            params = {"nonce": errand.nonce, "client_id": self.settings.client_id}
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(now=seconds, leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            # Not chained: it may quote the token.
            raise OidcUnavailable(f"the provider's token does not hold: {type(error).__name__}") from None
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise OidcUnavailable("the provider's token names nobody")
        return dict(claims)

    def _decoded(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._published_keys(), algorithms=_SIGNED_WITH)
        except (JoseError, ValueError):
            # Perhaps the provider signs with a new key since.
            return jwt.decode(id_token, self._published_keys(again=True), algorithms=_SIGNED_WITH)

    def _published(self) -> dict[str, Any]:
        with self._lock:
            if self._metadata is None or self._metadata[0] + _KEPT_S < time.monotonic():
                found = self._ask("GET", f"{self.settings.issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != self.settings.issuer:
                    raise OidcUnavailable("the provider says that it is another one than STREETCASE_OIDC_ISSUER")
                self._metadata = (time.monotonic(), found)
            return self._metadata[1]

    def _published_keys(self, *, again: bool = False) -> KeySet:
        address = self._endpoint("jwks_uri")
        with self._lock:
            kept_s = _NEW_KEYS_EVERY_S if again else _KEPT_S
            if self._keys is None or self._keys[0] + kept_s < time.monotonic():
                try:
                    keys = KeySet.import_key_set(self._ask("GET", address))  # type: ignore[arg-type]
                except (JoseError, KeyError, ValueError, TypeError, AttributeError):
                    raise OidcUnavailable("the provider's keys cannot be read") from None
                self._keys = (time.monotonic(), keys)
            return self._keys[1]

    def _endpoint(self, name: str) -> str:
        address = self._published().get(name)
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            raise OidcUnavailable(f"the provider does not say its {name}")
        return address

    def _ask(self, method: str, address: str, *, refusable: bool = False, **about: Any) -> dict[str, Any]:
        """Raises: OidcUnavailable. OidcRefused: Where it is ``refusable`` and the provider says that we ask wrongly."""
        try:
            with self._http.stream(method, address, **about) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise OidcUnavailable("the provider's answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not chained: the request holds the code and the secret.
            raise OidcUnavailable(f"the provider does not answer: {type(error).__name__}") from None
        if refusable and answer.status_code == httpx.codes.BAD_REQUEST:
            raise OidcRefused("the provider does not take this login any more; begin again")
        if answer.status_code != httpx.codes.OK:
            raise OidcUnavailable(f"the provider answers {answer.status_code}")
        return _object(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise OidcUnavailable("the provider does not answer with a JSON object")
    return dict(found)
