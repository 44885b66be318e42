"""Private keys in a hardware module, through PKCS#11: a KeyStore like the one in files.

A wrong PIN is never tried twice, since a few wrong ones lock a token for good: the store
remembers what was refused, and after a restart it reads from the token's flags that a wrong
PIN is counted there. Then a person looks, and says so with `after_wrong_pin`.

Forked children open a session of their own: the store notices that it runs in another process
and initialises the module again there (PKCS #11 v3.0 5.1). A session that the module forgot is
opened again once; a token that is gone raises KeyStoreError until it is back.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import Any, Final

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import MGF, Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
from pkcs11 import exceptions as trouble
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key
from pkcs11.util.x509 import decode_x509_certificate

from ca.errors import KeyMissing, KeyStoreError, KeyStoreLocked, Text
from ca.filestore import key_exists, require_label
from ca.hsm_keys import ModuleEcKey, ModuleRsaKey, Scheme
from ca.keys import KeyKind, PrivateKey

Pin = Callable[[], bytes | str] | bytes | str

_CURVES: Final = {KeyKind.P256: "secp256r1", KeyKind.P384: "secp384r1"}
_RSA_BITS: Final = {KeyKind.RSA3072: 3072, KeyKind.RSA4096: 4096}
_STAYS: Final = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
_COUNTED: Final = TokenFlag.USER_PIN_COUNT_LOW | TokenFlag.USER_PIN_FINAL_TRY
_REFUSED_PIN: Final = (
    trouble.PinIncorrect,
    trouble.PinInvalid,
    trouble.PinLenRange,
    trouble.PinExpired,
    trouble.UserPinNotInitialized,
)
_FORGOTTEN: Final = (
    trouble.SessionHandleInvalid,
    trouble.SessionClosed,
    trouble.ObjectHandleInvalid,
    trouble.KeyHandleInvalid,
    trouble.UserNotLoggedIn,
    trouble.DeviceRemoved,
    trouble.DeviceError,
)
"""A module answers so after it was restarted or the token pulled: the session is gone, not the key."""


class _Module:
    """A PKCS#11 library in this process; a forked child must initialise it again before use."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pid: int | None = None
        self.lock = RLock()
        self.refused: dict[str, bytes] = {}
        self._secret = secrets.token_bytes(32)

    def token(self, label: str) -> Any:
        library = pkcs11.lib(self._path)
        if self._pid not in {None, os.getpid()}:
            library.reinitialize()
        self._pid = os.getpid()
        try:
            return library.get_token(token_label=label)
        except trouble.PKCS11Error:
            # Some modules look for tokens only when they start, or stumble over one that was pulled.
            # Sessions of other stores are opened again by themselves.
            library.reinitialize()
            return library.get_token(token_label=label)

    def digest(self, pin: str) -> bytes:
        """Tells two PINs apart without keeping either."""
        return hmac.digest(self._secret, pin.encode(), hashlib.sha256)


@cache
def _module(path: str) -> _Module:
    return _Module(path)


class Pkcs11KeyStore:
    """A KeyStore on the token with this label, in the module at this path.

    `pin` may be a function, asked each time a session is opened, which reads it from the
    environment or a file. Nothing is opened before it is needed. `after_wrong_pin` is a person's
    word that the PIN is right although the token has counted a wrong one.
    """

    def __init__(
        self, module: Path | str, token_label: str, pin: Pin, *, after_wrong_pin: bool = False
    ) -> None:
        self._module = _module(str(module))
        self._token_label = token_label
        self._pin = pin
        self._after_wrong_pin = after_wrong_pin
        self._session: Any = None
        self._pid: int | None = None
        self._keys: dict[str, Any] = {}

    def generate(self, label: str, kind: KeyKind) -> PrivateKey:
        """Make a key inside the token, which can never leave it.

        Raises KeyExists when the label is taken, KeyStoreLocked or KeyStoreError when the
        token cannot be used.
        """
        require_label(label)
        with self._talking() as session:
            if _objects(session, ObjectClass.PRIVATE_KEY, label):
                raise key_exists(label)
            template: dict[str, Any] = {
                "label": label,
                "id": secrets.token_bytes(16),
                "store": True,
                "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
                "private_template": _STAYS,
            }
            if kind in _CURVES:
                curve = {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[kind])}
                domain = session.create_domain_parameters(KeyType.EC, curve, local=True)
                public, private = domain.generate_keypair(mechanism=Mechanism.EC_KEY_PAIR_GEN, **template)
            else:
                public, private = session.generate_keypair(KeyType.RSA, _RSA_BITS[kind], **template)
            # Labels are not unique in PKCS#11: of two who were first, neither stays.
            if len(_objects(session, ObjectClass.PRIVATE_KEY, label)) > 1:
                private.destroy()
                public.destroy()
                raise key_exists(label)
        return self.load(label)

    def load(self, label: str) -> PrivateKey:
        """Open a key.

        Raises KeyMissing, KeyStoreLocked when the PIN was refused, and KeyStoreError when the
        token is gone, the key could leave it, or its kind is one we do not use.
        """
        with self._talking() as session:
            private = self._private(session, label)
            if private[Attribute.EXTRACTABLE] or not private[Attribute.SENSITIVE]:
                raise _error(
                    "keystore.extractable",
                    f"Khóa {label} có thể bị lấy ra khỏi thiết bị nên không được dùng.",
                    f"The key {label} could be taken out of its token, so it is not used.",
                )
            public = _one(session, ObjectClass.PUBLIC_KEY, label)
            if public.key_type is KeyType.EC:
                der = encode_ec_public_key(public)
            elif public.key_type is KeyType.RSA:
                der = encode_rsa_public_key(public)
            else:
                raise _kind(label)
        sign = partial(self._sign, label)
        match _public_key(der, label):
            case ec.EllipticCurvePublicKey() as point:
                return ModuleEcKey(sign, point)
            case rsa.RSAPublicKey() as modulus:
                return ModuleRsaKey(sign, modulus)
            case _:
                raise _kind(label)

    def labels(self) -> Collection[str]:
        """The labels that have a key, in order."""
        with self._talking() as session:
            keys = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))
            return sorted({str(key.label) for key in keys})

    def put_certificate(self, label: str, certificate: x509.Certificate) -> None:
        """Write the certificate beside its key, in place of an earlier one; for tokens of people.

        Raises KeyMissing when there is no such key.
        """
        with self._talking() as session:
            private = self._private(session, label)
            earlier = _objects(session, ObjectClass.CERTIFICATE, label)
            attributes = decode_x509_certificate(certificate.public_bytes(serialization.Encoding.DER))
            own = {Attribute.TOKEN: True, Attribute.LABEL: label, Attribute.ID: private[Attribute.ID]}
            session.create_object({**attributes, **own})
            for certificate_object in earlier:
                certificate_object.destroy()

    def certificate(self, label: str) -> x509.Certificate | None:
        """The certificate beside the key of this label, if there is one."""
        with self._talking() as session:
            for held in _objects(session, ObjectClass.CERTIFICATE, label):
                return x509.load_der_x509_certificate(held[Attribute.VALUE])
        return None

    def _sign(self, label: str, data: bytes, scheme: Scheme) -> bytes:
        mechanism, parameter = _mechanism(scheme)
        with self._talking() as session:
            private = self._keys.get(label)
            if private is None:
                private = self._keys[label] = self._private(session, label)
            try:
                return bytes(private.sign(data, mechanism=mechanism, mechanism_param=parameter))
            except _FORGOTTEN:
                self._forget()
        with self._talking() as session:
            private = self._keys[label] = self._private(session, label)
            return bytes(private.sign(data, mechanism=mechanism, mechanism_param=parameter))

    def _private(self, session: Any, label: str) -> Any:
        return _one(session, ObjectClass.PRIVATE_KEY, label)

    @contextmanager
    def _talking(self) -> Iterator[Any]:
        """A session, for one thread at a time; the module's troubles come out as ours."""
        with self._module.lock:
            try:
                if self._session is None or self._pid != os.getpid():
                    self._forget()
                    self._session = self._open()
                    self._pid = os.getpid()
                yield self._session
            except trouble.PKCS11Error as error:
                self._forget()
                raise self._unusable(error) from error

    def _forget(self) -> None:
        # Never closed: closing logs the whole process out, and in a forked child the session is the parent's.
        self._session = None
        self._keys.clear()

    def _open(self) -> Any:
        try:
            token = self._module.token(self._token_label)
        except RuntimeError as error:
            raise self._unusable(error) from error
        pin = self._pin() if callable(self._pin) else self._pin
        pin = pin.decode() if isinstance(pin, bytes) else pin
        self._require_untried(token, pin)
        try:
            return token.open(rw=True, user_pin=pin)
        except trouble.UserAlreadyLoggedIn:
            return token.open(rw=True)  # another store of this process has logged the token in
        except trouble.PinLocked as error:
            raise self._locked() from error
        except _REFUSED_PIN as error:
            self._module.refused[self._token_label] = self._module.digest(pin)
            raise self._refused() from error

    def _require_untried(self, token: Any, pin: str) -> None:
        refused = self._module.refused.get(self._token_label)
        if refused is not None and hmac.compare_digest(refused, self._module.digest(pin)):
            raise self._refused()
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise self._locked()
        if token.flags & _COUNTED and not self._after_wrong_pin:
            raise KeyStoreLocked(
                "keystore.pin-counted",
                Text(
                    vi=f"Thiết bị {self._token_label} đã ghi nhận một lần nhập sai mã PIN. Hãy kiểm tra mã PIN "
                    "rồi cho phép thử lại.",
                    en=f"The token {self._token_label} has counted a wrong PIN. Check the PIN, then allow another try.",
                ),
            )

    def _refused(self) -> KeyStoreLocked:
        return KeyStoreLocked(
            "keystore.pin-refused",
            Text(
                vi=f"Thiết bị {self._token_label} từ chối mã PIN; mã này không được thử lại.",
                en=f"The token {self._token_label} refused the PIN; it is not tried again.",
            ),
        )

    def _locked(self) -> KeyStoreLocked:
        return KeyStoreLocked(
            "keystore.pin-locked",
            Text(
                vi=f"Thiết bị {self._token_label} đã khóa mã PIN.",
                en=f"The token {self._token_label} has locked its PIN.",
            ),
        )

    def _unusable(self, error: Exception) -> KeyStoreError:
        reason = type(error).__name__
        return _error(
            "keystore.token",
            f"Không dùng được thiết bị {self._token_label} ({reason}).",
            f"The token {self._token_label} cannot be used ({reason}).",
        )


def _mechanism(scheme: Scheme) -> tuple[Mechanism, Any]:
    """The scheme in the words of PKCS#11: a mechanism and its parameter."""
    if scheme.name == "ecdsa":
        return Mechanism.ECDSA, None
    name = scheme.hash.upper()
    if scheme.name == "pkcs1":
        return Mechanism[f"{name}_RSA_PKCS"], None
    return Mechanism[f"{name}_RSA_PKCS_PSS"], (Mechanism[name], MGF[name], scheme.salt_bytes)


def _objects(session: Any, kind: ObjectClass, label: str) -> list[Any]:
    # Read to the end: a search left open would be closed on a session that is another by then.
    return list(session.get_objects({Attribute.CLASS: kind, Attribute.LABEL: label}))


def _one(session: Any, kind: ObjectClass, label: str) -> Any:
    found = _objects(session, kind, label)
    if not found:
        raise KeyMissing(
            "keystore.missing", Text(vi=f"Không có khóa {label}.", en=f"There is no key {label}.")
        )
    if len(found) > 1:
        raise _error(
            "keystore.ambiguous",
            f"Thiết bị có nhiều khóa cùng nhãn {label}.",
            f"The token has several keys with the label {label}.",
        )
    return found[0]


def _public_key(der: bytes, label: str) -> object:
    try:
        return serialization.load_der_public_key(der)
    except ValueError as error:
        raise _kind(label) from error


def _kind(label: str) -> KeyStoreError:
    return _error(
        "keystore.kind",
        f"Khóa {label} không phải loại được dùng.",
        f"The key {label} is of a kind that is not used.",
    )


def _error(code: str, vi: str, en: str) -> KeyStoreError:
    return KeyStoreError(code, Text(vi=vi, en=en))
