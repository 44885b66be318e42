"""A real OpenID Connect provider on loopback: Canaille, as pytest-iam starts it, in a thread of the test process."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import JWKRegistry

from provisioner.adapters.single_sign_on import Client, SingleSignOn
from provisioner.secret import Secret

CALLBACK = "http://localhost/sign-in/sso/answer"


@dataclass
class Provider:
    """The provider, and what was agreed with it for our site."""

    server: Any
    client: Any

    @property
    def issuer(self) -> str:
        return str(self.server.url).rstrip("/")

    def user(self, name: str, email: str) -> Any:
        """Somebody with an account there, whom it asks nothing about our site any more."""
        user = self.server.random_user(user_name=name, emails=[email])
        self.server.consent(user, self.client)
        return user

    def sign_on(self, **changes: Any) -> SingleSignOn:
        """Our side of it."""
        agreed = Client(
            self.issuer,
            self.client.client_id,
            Secret(self.client.client_secret),
            CALLBACK,
            "openid email",
            frozenset(),
        )
        return SingleSignOn(replace(agreed, **changes))

    def told(self, **changes: Any) -> None:
        """Change what the provider knows of our site."""
        self.server.backend.update(self.client, **changes)
        self.server.backend.save(self.client)

    def signed(self, claims: dict[str, Any], *, algorithm: str = "RS256") -> str:
        """An ID token with these claims, signed with the provider's own key."""
        key = JWKRegistry.import_key(self.server.app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"][0])
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])

    def asked(self, address: str, user: Any) -> str:
        """Where the provider sends the browser of this user, who is signed in there, from our address."""
        self.server.login(user)
        try:
            answer = self.server.test_client.get(address)
        finally:
            self.server.logout()
        assert answer.status_code == 302, answer.text
        return str(answer.location)


def _by_all_conditions(query: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Canaille's store in memory finds what fulfils any of the conditions, so that each code would do for another."""

    def every(backend: Any, model: Any, *_: Any, **conditions: Any) -> list[Any]:
        found = [
            {one.id: one for one in query(backend, model, **{name: value})}
            for name, value in conditions.items()
        ]
        if not found:
            return query(backend, model)
        return [one for key, one in found[0].items() if all(key in others for others in found)]

    return every


def _started() -> Any:
    """A server that listens. Its name holds its port, so the port is chosen before: another process may be quicker."""
    import pytest_iam
    from canaille import create_app
    from canaille.backends import Backend

    for attempt in range(10):
        port = pytest_iam.portpicker.pick_unused_port()
        configuration = pytest_iam.iam_configuration.__wrapped__(None, port)
        app = create_app(config=configuration, env_file=None)
        try:
            return pytest_iam.Server(app, port, Backend.instance)
        except OSError:
            if attempt == 9:
                raise
    return None


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    from canaille.backends.memory.backend import MemoryBackend

    patch = pytest.MonkeyPatch()
    patch.setattr(MemoryBackend, "do_query", _by_all_conditions(MemoryBackend.do_query))
    patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider itself refuses plain HTTP, even to itself
    server = _started()
    thread = threading.Thread(target=server.httpd.serve_forever)
    thread.start()
    try:
        with server.app.app_context():
            client = server.models.Client(
                client_id=uuid.uuid4().hex,
                client_secret=uuid.uuid4().hex,
                client_name="Cấp phát thư công vụ",
                redirect_uris=[CALLBACK],
                grant_types=["authorization_code"],
                response_types=["code"],
                scope=["openid", "email"],
                token_endpoint_auth_method="client_secret_basic",
            )
            server.backend.save(client)
            server.backend.update(client, audience=[client])
            server.backend.save(client)
            yield Provider(server, client)
    finally:
        server.httpd.shutdown()
        thread.join()
        server.httpd.server_close()
        patch.undo()
