"""The province's single sign-on: OpenID Connect's code flow with PKCE, spoken through Authlib.

An answer is believed when all of this holds:

    the browser is on this very journey          state (RFC 6749, 10.12), PKCE S256 (RFC 7636)
    the answer is of our provider                iss of the answer (RFC 9207), against mix-up
    the ID token is signed by the provider       a key of its set; RS, PS and ES algorithms, never `none` or a
                                                 secret that others know, too (RFC 8725, 3.1)
    it is for us, for now and for this journey   iss, aud, azp, exp, iat, nonce (OpenID Connect Core, 3.1.3.7)
    it was proved now, where that is asked for   auth_time (3.1.2.1)
"""

import hmac
import json
import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from provisioner.errors import Forbidden, Misconfigured, Text, Unavailable
from provisioner.operators.single_sign_on import Identity, Journey
from provisioner.secret import Secret

log = logging.getLogger(__name__)

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key that only the provider has."""

SKEW = 60
"""Seconds that the provider's clock may be off."""
PROVED_WITHIN = 120
"""Seconds since the proof, where a fresh one is asked for."""
_KEYS_KEPT = timedelta(hours=1)
_LARGEST = 256 * 1024
"""Bytes of one answer of the provider."""

_PROTECTED = re.compile(r"https://[^/@\s]+(/|$)|http://(localhost|127\.0\.0\.1)(:\d+)?(/|$)")


class SignOnRefused(Forbidden):
    """What came back does not prove anything. Why stands in the log: it is of use to whoever tries, too."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                vi="Đăng nhập một lần không thành công. Hãy thử lại; nếu vẫn lỗi, báo cho quản trị viên.",
                en="The single sign-on did not succeed. Try again; if that does not help, tell your administrator.",
            ),
            code="sign-on-refused",
        )


@dataclass(frozen=True, slots=True)
class Client:
    """What was agreed with the provider. An empty secret makes a public client, which PKCE still protects."""

    issuer: str
    client_id: str
    secret: Secret
    callback: str
    scope: str
    second_factors: frozenset[str]
    """Values of `acr` or `amr` that we take for two factors."""
    tls_ca_file: Path | None = None
    timeout: float = 10
    """Seconds, for each answer."""

    def __post_init__(self) -> None:
        """Raises `Misconfigured` for an address that others could read along."""
        for address in (self.issuer, self.callback):
            if not _PROTECTED.match(address):
                raise Misconfigured(
                    Text(
                        vi=f"Địa chỉ đăng nhập một lần {address} phải là https://.",
                        en=f"The address {address} of the single sign-on has to be https://.",
                    ),
                    code="sign-on-address",
                )


class SingleSignOn:
    """One provider. May be used from several threads; nothing is fetched before the first sign-in."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._keys_at: datetime | None = None

    def begin(self, wanted: str, *, again: bool, now: datetime) -> tuple[str, Journey]:
        """The provider's address to send the browser to, and the journey. Raises `Unavailable`."""
        journey = Journey(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            wanted=wanted,
            since=now.timestamp(),
            again=again,
        )
        with self._session() as session:
            address, _ = session.create_authorization_url(
                self._endpoint("authorization_endpoint"),
                state=journey.state,
                nonce=journey.nonce,
                code_verifier=journey.verifier,
                **({"prompt": "login", "max_age": "0"} if again else {}),
            )
        return str(address), journey

    def finish(self, journey: Journey, answer: Mapping[str, str], *, now: datetime) -> Identity:
        """Who came back with this answer. Raises `SignOnRefused`, `Unavailable`."""
        if not hmac.compare_digest(answer.get("state", "").encode(), journey.state.encode()):
            raise _refused("the answer is for another journey")
        issuer = answer.get("iss")
        told = bool(self._metadata.get("authorization_response_iss_parameter_supported"))
        if issuer != self.client.issuer and (told or issuer is not None):
            raise _refused("the answer comes from another provider")
        if "code" not in answer:
            raise _refused("the provider said no: %s", answer.get("error", "")[:60])
        with self._session() as session:
            token = self._token(session, answer["code"], journey)
            claims = self._claims(token.get("id_token"), journey, now=now)
            if "email" not in claims and "userinfo_endpoint" in self._metadata:
                claims = self._told_besides(session, claims["sub"]) | claims
        verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
        ways = [claims.get("acr"), *_texts(claims.get("amr"))]
        return Identity(
            subject=claims["sub"],
            email=claims["email"].strip().lower() if verified else None,
            second_factor=not self.client.second_factors.isdisjoint(ways),
        )

    def _token(self, session: OAuth2Session, code: str, journey: Journey) -> dict[str, Any]:
        try:
            token: dict[str, Any] = session.fetch_token(
                self._endpoint("token_endpoint"),
                grant_type="authorization_code",
                code=code,
                code_verifier=journey.verifier,
                timeout=self.client.timeout,
                allow_redirects=False,
            )
        except OAuthError as error:
            raise _refused("the provider does not take the code: %s", error.error) from error
        except (requests.RequestException, ValueError) as error:
            raise self._unavailable(error) from error
        return token

    def _claims(self, token: object, journey: Journey, *, now: datetime) -> dict[str, Any]:
        """What a genuine ID token says."""
        if not isinstance(token, str):
            raise _refused("there is no ID token")
        required = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=SKEW,
            iss={"essential": True, "value": self.client.issuer},
            aud={"essential": True, "value": self.client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": journey.nonce},
        )
        try:
            claims = self._verified(token, now=now)
            required.validate(claims)
        except JoseError as error:
            raise _refused(
                "the ID token will not do: %s", type(error).__name__ + ": " + str(error)
            ) from error
        audiences = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
        party = claims.get("azp", None if len(audiences) > 1 else self.client.client_id)
        if party != self.client.client_id:
            raise _refused("the ID token was made for another party")
        if journey.again and not _is_fresh(claims.get("auth_time"), now):
            raise _refused("nobody proved themselves anew")
        return claims

    def _verified(self, token: str, *, now: datetime) -> dict[str, Any]:
        """The claims of a signed token; the provider's keys are fetched again when it signs with a new one."""
        try:
            return jwt.decode(token, self._key_set(now=now), algorithms=list(ALGORITHMS)).claims
        except (InvalidKeyIdError, ValueError):
            # joserfc says ValueError for a key id that the set does not have.
            pass
        try:
            return jwt.decode(token, self._key_set(now=now, anew=True), algorithms=list(ALGORITHMS)).claims
        except ValueError as error:
            raise InvalidKeyIdError from error

    def _key_set(self, *, now: datetime, anew: bool = False) -> KeySet:
        with self._lock:
            stale = self._keys_at is None or now - self._keys_at > _KEYS_KEPT
            if self._keys is None or stale or anew:
                document: Any = self._fetch(self._endpoint("jwks_uri"))
                try:
                    self._keys, self._keys_at = KeySet.import_key_set(document), now
                except (JoseError, KeyError, TypeError, ValueError) as error:
                    raise self._unavailable(error) from error
            return self._keys

    def _told_besides(self, session: OAuth2Session, subject: str) -> dict[str, Any]:
        """The claims of the userinfo endpoint, which have to be about the same person (Core, 5.3.2)."""
        try:
            answer = session.get(
                self._endpoint("userinfo_endpoint"), timeout=self.client.timeout, allow_redirects=False
            )
            told = answer.json() if answer.ok else {}
        except (OAuthError, requests.RequestException, ValueError) as error:
            raise self._unavailable(error) from error
        return told if isinstance(told, dict) and told.get("sub") == subject else {}

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        """What the provider says about itself (OpenID Connect Discovery, 4.3: about itself and no other)."""
        found = self._fetch(self.client.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if not isinstance(found, dict) or found.get("issuer") != self.client.issuer:
            raise self._unavailable(ValueError("it calls itself by another name than the setting"))
        return found

    def _endpoint(self, name: str) -> str:
        address = self._metadata.get(name)
        if not isinstance(address, str) or not _PROTECTED.match(address):
            raise self._unavailable(ValueError(f"its {name} is missing or not https"))
        return address

    def _fetch(self, address: str) -> object:
        try:
            with self._session() as session:
                answer = session.get(
                    address,
                    withhold_token=True,
                    timeout=self.client.timeout,
                    allow_redirects=False,
                    stream=True,
                )
                answer.raise_for_status()
                content = answer.raw.read(_LARGEST + 1, decode_content=True)
        except requests.RequestException as error:
            raise self._unavailable(error) from error
        if len(content) > _LARGEST:
            raise self._unavailable(ValueError("its answer is too large"))
        try:
            found: object = json.loads(content)
        except ValueError as error:
            raise self._unavailable(error) from error
        return found

    def _session(self) -> OAuth2Session:
        session = OAuth2Session(
            self.client.client_id,
            self.client.secret.reveal() or None,
            scope=self.client.scope,
            redirect_uri=self.client.callback,
            code_challenge_method="S256",
        )
        session.trust_env = False  # neither a proxy nor a password out of some file of the account we run as
        if self.client.tls_ca_file is not None:
            session.verify = str(self.client.tls_ca_file)
        return session

    def _unavailable(self, error: Exception) -> Unavailable:
        log.warning("single sign-on at %s: %s", self.client.issuer, error)
        return Unavailable(
            Text(
                vi="Hệ thống đăng nhập một lần của tỉnh không trả lời đúng; hãy đăng nhập bằng cách khác.",
                en="The province's single sign-on does not answer as it should; sign in another way.",
            ),
            code="sign-on-unavailable",
        )


def _refused(why: str, *details: object) -> SignOnRefused:
    log.warning("single sign-on refused: " + why, *details)  # noqa: G003 - the sentences are ours
    return SignOnRefused()


def _is_fresh(proved_at: object, now: datetime) -> bool:
    return isinstance(proved_at, int | float) and abs(now.timestamp() - proved_at) <= PROVED_WITHIN


def _texts(value: object) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
