"""Single sign-on against a real provider: what is taken, and everything that only looks like it."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import JWKRegistry, OctKey

from provisioner.adapters.single_sign_on import SignOnRefused, SingleSignOn
from provisioner.errors import Misconfigured, Unavailable
from provisioner.operators.single_sign_on import Identity, Journey
from tests.web.provider import Provider, provider

__all__ = ["provider"]


@pytest.fixture
def chi(provider: Provider) -> Any:
    return provider.user("chi", "chi@lamdong.gov.vn")


def now() -> datetime:
    return datetime.now(UTC)


def come_back(provider: Provider, user: Any, sign_on: SingleSignOn) -> tuple[Journey, dict[str, str]]:
    """Go to the provider as this user and come back with its answer."""
    address, journey = sign_on.begin("/", again=False, now=now())
    return journey, dict(parse_qsl(urlsplit(provider.asked(address, user)).query))


def test_who_comes_back_is_who_signed_in_there(provider: Provider, chi: Any) -> None:
    sign_on = provider.sign_on()
    journey, answer = come_back(provider, chi, sign_on)

    assert sign_on.finish(journey, answer, now=now()) == Identity("chi", None, second_factor=False)


def test_the_browser_is_sent_off_with_state_nonce_and_challenge(provider: Provider) -> None:
    address, journey = provider.sign_on().begin("/", again=False, now=now())
    asked = dict(parse_qsl(urlsplit(address).query))

    assert (asked["state"], asked["nonce"]) == (journey.state, journey.nonce)
    assert asked["code_challenge_method"] == "S256"
    assert journey.verifier not in address
    assert asked["response_type"] == "code"


def test_a_code_is_good_once(provider: Provider, chi: Any) -> None:
    sign_on = provider.sign_on()
    journey, answer = come_back(provider, chi, sign_on)
    sign_on.finish(journey, answer, now=now())

    with pytest.raises(SignOnRefused):
        sign_on.finish(journey, answer, now=now())


@pytest.mark.parametrize(
    "altered",
    [
        {"state": "another"},
        {"state": ""},
        {"code": "made-up"},
        {"iss": "https://another.example"},
        {"iss": ""},
    ],
)
def test_an_answer_that_was_altered_is_refused(provider: Provider, chi: Any, altered: dict[str, str]) -> None:
    sign_on = provider.sign_on()
    journey, answer = come_back(provider, chi, sign_on)

    with pytest.raises(SignOnRefused):
        sign_on.finish(journey, answer | altered, now=now())


@pytest.mark.parametrize("missing", ["state", "iss", "code"])
def test_an_answer_that_lacks_something_is_refused(provider: Provider, chi: Any, missing: str) -> None:
    """Without `iss` it could come from another provider, since this one says that it always sends it (RFC 9207)."""
    sign_on = provider.sign_on()
    journey, answer = come_back(provider, chi, sign_on)
    del answer[missing]

    with pytest.raises(SignOnRefused):
        sign_on.finish(journey, answer, now=now())


@pytest.mark.parametrize("other", ["nonce", "verifier"])
def test_another_browsers_journey_does_not_fit(provider: Provider, chi: Any, other: str) -> None:
    """The answer of a journey that somebody else began: its nonce or its verifier is not ours."""
    sign_on = provider.sign_on()
    journey, answer = come_back(provider, chi, sign_on)
    _, another = sign_on.begin("/", again=False, now=now())

    with pytest.raises(SignOnRefused):
        sign_on.finish(replace(journey, **{other: getattr(another, other)}), answer, now=now())


def test_a_token_of_another_time_is_refused(provider: Provider, chi: Any) -> None:
    sign_on = provider.sign_on()
    for off in (timedelta(days=30), timedelta(days=-1)):
        journey, answer = come_back(provider, chi, sign_on)
        with pytest.raises(SignOnRefused):
            sign_on.finish(journey, answer, now=now() + off)


def test_a_token_for_nobody_in_particular_is_refused(provider: Provider, chi: Any) -> None:
    """Authlib by itself takes an ID token whose `aud` is empty."""
    sign_on = provider.sign_on()
    provider.told(audience=[])
    try:
        journey, answer = come_back(provider, chi, sign_on)
        with pytest.raises(SignOnRefused):
            sign_on.finish(journey, answer, now=now())
    finally:
        provider.told(audience=[provider.client])


def genuine(provider: Provider, journey: Journey) -> dict[str, Any]:
    moment = int(now().timestamp())
    return {
        "iss": provider.issuer,
        "sub": "chi",
        "aud": provider.client.client_id,
        "iat": moment,
        "exp": moment + 300,
        "auth_time": moment,
        "nonce": journey.nonce,
        "email": "Chi@lamdong.gov.vn",
        "email_verified": True,
        "amr": ["pwd", "mfa"],
    }


def judged(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, token: str, journey: Journey, **changes: Any
) -> Identity:
    """What becomes of this ID token, whatever the provider gave for the code."""
    sign_on = provider.sign_on(**changes)
    monkeypatch.setattr(SingleSignOn, "_token", lambda *_: {"id_token": token})
    answer = {"state": journey.state, "iss": provider.issuer, "code": "x"}
    return sign_on.finish(journey, answer, now=now())


@pytest.fixture
def journey(provider: Provider) -> Journey:
    return provider.sign_on().begin("/", again=False, now=now())[1]


@pytest.mark.parametrize("algorithm", ["RS256", "PS384"])
def test_a_verified_address_and_two_factors_are_told(
    provider: Provider, journey: Journey, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    token = provider.signed(genuine(provider, journey), algorithm=algorithm)

    told = judged(provider, monkeypatch, token, journey, second_factors=frozenset({"mfa"}))

    assert told == Identity("chi", "chi@lamdong.gov.vn", second_factor=True)
    assert not judged(provider, monkeypatch, token, journey).second_factor


def test_an_address_that_the_provider_does_not_vouch_for_is_none(
    provider: Provider, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in (False, "true", 1, None):
        token = provider.signed(genuine(provider, journey) | {"email_verified": word})
        assert judged(provider, monkeypatch, token, journey).email is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"aud": []},
        {"aud": None},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ["chi"]},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
    ],
)
def test_a_signed_token_with_a_wrong_claim_is_refused(
    provider: Provider, journey: Journey, monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any]
) -> None:
    changed = genuine(provider, journey) | claims
    token = provider.signed({name: value for name, value in changed.items() if value is not None})

    with pytest.raises(SignOnRefused):
        judged(provider, monkeypatch, token, journey)


def test_a_token_for_several_parties_has_to_name_us(
    provider: Provider, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = genuine(provider, journey) | {"aud": ["another", provider.client.client_id]}

    with pytest.raises(SignOnRefused):
        judged(provider, monkeypatch, provider.signed(several), journey)
    named = provider.signed(several | {"azp": provider.client.client_id})
    assert judged(provider, monkeypatch, named, journey).subject == "chi"


@pytest.mark.parametrize(
    "secret", ["client", "public-key", "of-mine", "cut-off", "none", "rubbish", "encrypted"]
)
def test_a_token_that_the_provider_did_not_sign_is_refused(
    provider: Provider, journey: Journey, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """Shared secrets, its public key taken for one (RFC 8725, 2.1), another key under its name, and no key."""
    claims, key = (
        genuine(provider, journey),
        JWKRegistry.import_key(provider.server.app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"][0]),
    )
    header = {"alg": "HS256", "kid": key.kid}
    if secret == "client":
        token = jwt.encode(header, claims, OctKey.import_key(provider.client.client_secret))
    elif secret == "public-key":
        unsigned = jwt.encode(header, claims, OctKey.generate_key(256)).rpartition(".")[0]
        mac = hmac.digest(key.as_pem(private=False), unsigned.encode(), "sha256")
        token = f"{unsigned}.{urlsafe_b64encode(mac).decode().rstrip('=')}"
    elif secret == "of-mine":
        token = jwt.encode(header | {"alg": "RS256"}, claims, JWKRegistry.generate_key("RSA", 2048))
    elif secret == "none":
        unsigned = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        token = f"{unsigned}.{provider.signed(claims).split('.')[1]}."
    elif secret == "cut-off":
        token = provider.signed(claims).rpartition(".")[0] + "."
    elif secret == "encrypted":
        token = ".".join(["e30"] * 5)
    else:
        token = "x.y.z"

    with pytest.raises(SignOnRefused):
        judged(provider, monkeypatch, token, journey)


def test_a_step_up_asks_the_provider_for_a_proof_of_now(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, journey = provider.sign_on().begin("/", again=True, now=now())
    asked = dict(parse_qsl(urlsplit(address).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")

    fresh = genuine(provider, journey)
    assert judged(provider, monkeypatch, provider.signed(fresh), journey).subject == "chi"
    for proved_at in (fresh["iat"] - 600, None, "now"):
        with pytest.raises(SignOnRefused):
            judged(provider, monkeypatch, provider.signed(fresh | {"auth_time": proved_at}), journey)


def test_a_new_key_of_the_provider_is_fetched_when_it_signs_with_it(
    provider: Provider, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.signed(genuine(provider, journey))
    sign_on = provider.sign_on()
    other = JWKRegistry.generate_key("RSA", 2048)
    other.ensure_kid()
    before = {"keys": [other.as_dict(private=False)]}
    fetch, answers = sign_on._fetch, [before]
    monkeypatch.setattr(
        sign_on, "_fetch", lambda address: answers.pop() if answers and "jwks" in address else fetch(address)
    )

    assert sign_on._verified(token, now=now())["sub"] == "chi"
    assert answers == []


def test_the_provider_says_no_and_so_do_we(provider: Provider, journey: Journey) -> None:
    answer = {"state": journey.state, "iss": provider.issuer, "error": "access_denied"}

    with pytest.raises(SignOnRefused):
        provider.sign_on().finish(journey, answer, now=now())


def test_a_provider_of_another_name_or_away_is_unavailable(provider: Provider) -> None:
    same = provider.issuer.replace("localhost", "127.0.0.1")
    for issuer in (same, "http://localhost:1"):
        with pytest.raises(Unavailable):
            provider.sign_on(issuer=issuer).begin("/", again=False, now=now())


@pytest.mark.parametrize(
    "address",
    [
        "http://sso.lamdong.gov.vn",
        "http://localhost.evil.example",
        "https://user@sso.lamdong.gov.vn",
        "ftp://localhost",
        "",
    ],
)
def test_an_address_that_others_could_read_along_is_refused(provider: Provider, address: str) -> None:
    with pytest.raises(Misconfigured):
        provider.sign_on(issuer=address)
    with pytest.raises(Misconfigured):
        provider.sign_on(callback=address)
