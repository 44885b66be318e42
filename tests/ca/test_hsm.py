"""Keys in a hardware module, with SoftHSM: they sign like any other and never come out."""

import copy
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.x509 import ReasonFlags as Reason

from ca.authority import der
from ca.ceremony import hold
from ca.crl import Revocation
from ca.errors import AuthorityMismatch, KeyExists, KeyMissing, KeyStoreError, Unreadable
from ca.hsm import Pkcs11KeyStore
from ca.keys import KeyKind, spki_fingerprint
from ca.lint import lint
from ca.ocsp import Responder, delegate, read_request
from tests.ca import second_opinion
from tests.ca.test_ocsp import a_request
from tests.ca.world import NOW, a_person, a_plan, a_public_key, profiles

PIN = "135791"
PERSON = profiles()["person-mail"]
PLACES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib/aarch64-linux-gnu/softhsm")
ROOT = Path(__file__).parents[2]


def module_path() -> Path:
    unpacked = ROOT / "var" / "unpacked"
    candidates = [Path(place) / "libsofthsm2.so" for place in PLACES]
    candidates += [unpacked / place.lstrip("/") / "libsofthsm2.so" for place in PLACES]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    pytest.fail("SoftHSM is not installed (Debian package softhsm2): its tests are never left out.")


@pytest.fixture(scope="session")
def tokens(tmp_path_factory):
    """A folder of tokens for this process: SoftHSM reads its setting once, when it is loaded."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    return folder


@pytest.fixture
def token(tokens) -> str:
    """The label of a new token."""
    return new_token()


def new_token(so_pin: str = "97531246") -> str:
    label = f"ca-{secrets.token_hex(6)}"
    arguments = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", so_pin]
    # Another process: the module in this one finds the new token when it is started again.
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
    return label


def a_store(token: str, pin: object = PIN, **more) -> Pkcs11KeyStore:
    return Pkcs11KeyStore(module_path(), token, pin, **more)


def code_of(error: type[KeyStoreError], call) -> str:
    with pytest.raises(error) as refused:
        call()
    assert refused.value.text.vi != refused.value.text.en
    return refused.value.code


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_of_every_kind_is_made_found_again_and_signs(token, kind):
    made = a_store(token).generate("mail-g1", kind)

    found = a_store(token).load("mail-g1")

    assert spki_fingerprint(found.public_key()) == spki_fingerprint(made.public_key())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    assert builder.sign(found, hashes.SHA384()).is_signature_valid
    assert found.key_size == {"p256": 256, "p384": 384, "rsa3072": 3072, "rsa4096": 4096}[kind]


def test_a_whole_hierarchy_lives_in_a_module(token):
    store = a_store(token)
    ceremony = hold(a_plan(), store, profiles=profiles(), now=NOW)
    authority = ceremony.authority("mail", store)

    certificate = authority.sign(authority.prepare(PERSON, a_person(), a_public_key(), now=NOW))
    crl = authority.sign_crl([Revocation(17, NOW, Reason.superseded)], number=2, now=NOW, days=7)
    key = store.generate("ocsp", KeyKind.P256)
    delegated = authority.sign(delegate(authority, profiles()["ocsp-responder"], key.public_key(), now=NOW))
    responder = Responder(authority.certificate, delegated, key)
    answer = responder.answer(
        read_request(a_request(certificate, issuer=authority.certificate)), None, now=NOW
    )

    assert set(store.labels()) == {"root-g1", "mail-g1", "document-g1", "ocsp"}
    assert lint(certificate, profile=PERSON, issuer=authority.certificate) == ()
    assert second_opinion.chain_findings(certificate, authority.certificate) == []
    assert second_opinion.crl_findings(crl, "CRL") == []
    assert crl.is_signature_valid(authority.certificate.public_key())
    response = x509.ocsp.load_der_ocsp_response(answer.der)
    key.public_key().verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))


def test_a_module_does_not_sign_elliptic_curves_twice_alike_so_the_record_counts(token):
    store = a_store(token)
    authority = hold(a_plan(), store, profiles=profiles(), now=NOW).authority("mail", store)
    draft = authority.prepare(PERSON, a_person(), a_public_key(), now=NOW)
    other = authority.prepare(PERSON, a_person(), a_public_key(), now=NOW)

    recorded = der(authority.sign(draft))

    assert not authority.deterministic
    assert der(authority.sign(draft)) != recorded
    assert der(authority.adopt(draft.tbs, recorded)) == recorded
    for mistaken in (der(draft.specimen), der(authority.sign(other))):
        with pytest.raises(AuthorityMismatch):
            authority.adopt(draft.tbs, mistaken)
    with pytest.raises(Unreadable):
        authority.adopt(draft.tbs, recorded[:-1])


def test_an_rsa_key_in_a_module_signs_twice_alike(token):
    key = a_store(token).generate("rsa", KeyKind.RSA3072)

    first, second = (key.sign(b"data", padding.PKCS1v15(), hashes.SHA256()) for _ in range(2))

    assert first == second
    assert key.deterministic
    key.public_key().verify(first, b"data", padding.PKCS1v15(), hashes.SHA256())


def test_pss_and_digests_made_before_are_signed_too(token):
    store = a_store(token)
    point, modulus = store.generate("ec", KeyKind.P384), store.generate("rsa", KeyKind.RSA3072)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), hashes.SHA384.digest_size)
    digest = hashes.Hash(hashes.SHA384())
    digest.update(b"data")

    modulus.public_key().verify(modulus.sign(b"data", pss, hashes.SHA384()), b"data", pss, hashes.SHA384())
    signature = point.sign(digest.finalize(), ec.ECDSA(utils.Prehashed(hashes.SHA384())))
    point.public_key().verify(signature, b"data", ec.ECDSA(hashes.SHA384()))


def test_nothing_takes_a_key_out_of_its_module(token):
    store = a_store(token)
    point, modulus = store.generate("ec", KeyKind.P256), store.generate("rsa", KeyKind.RSA3072)
    pkcs8 = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    attempts = [
        lambda: point.private_bytes(*pkcs8),
        lambda: modulus.private_bytes(*pkcs8),
        point.private_numbers,
        modulus.private_numbers,
        lambda: point.exchange(ec.ECDH(), point.public_key()),
        lambda: modulus.decrypt(b"", padding.PKCS1v15()),
        lambda: point.sign(b"", ec.ECDSA(hashes.SHA256(), deterministic_signing=True)),
        lambda: modulus.sign(b"", padding.PKCS1v15(), hashes.SHA1()),
        lambda: modulus.sign(
            b"", padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None), hashes.SHA256()
        ),
    ]

    for attempt in attempts:
        with pytest.raises(UnsupportedAlgorithm):
            attempt()
    assert copy.copy(point) is point
    assert copy.deepcopy(modulus) is modulus
    assert point.curve.name == "secp256r1"


def test_a_key_that_could_leave_its_token_is_not_used(token):
    import pkcs11

    store = a_store(token)
    store.generate("mail-g1", KeyKind.P256)
    session = pkcs11.lib(str(module_path())).get_token(token_label=token).open(rw=True)
    template = {pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False}
    session.generate_keypair(pkcs11.KeyType.RSA, 2048, label="loose", store=True, private_template=template)

    assert code_of(KeyStoreError, lambda: store.load("loose")) == "keystore.extractable"


def test_labels_name_one_key_each(token):
    import pkcs11

    store = a_store(token)
    store.generate("mail-g1", KeyKind.P256)

    assert code_of(KeyExists, lambda: store.generate("mail-g1", KeyKind.P256)) == "keystore.exists"
    assert code_of(KeyMissing, lambda: store.load("root-g1")) == "keystore.missing"
    assert code_of(KeyStoreError, lambda: store.generate("../up", KeyKind.P256)) == "keystore.label"
    session = pkcs11.lib(str(module_path())).get_token(token_label=token).open(rw=True)
    session.generate_keypair(pkcs11.KeyType.RSA, 2048, label="mail-g1", store=True)
    assert code_of(KeyStoreError, lambda: store.load("mail-g1")) == "keystore.ambiguous"


def in_a_process(token: str, *pins: str, after_wrong_pin: bool = False) -> list[str]:
    """What a new process hears that opens the token once with each PIN: a restarted signer."""
    script = (
        "import sys\n"
        "from ca.hsm import Pkcs11KeyStore\n"
        "from ca.errors import CaError\n"
        f"for pin in {pins!r}:\n"
        f"    store = Pkcs11KeyStore({str(module_path())!r}, {token!r}, pin, after_wrong_pin={after_wrong_pin})\n"
        "    try:\n"
        "        store.labels()\n"
        "        print('open')\n"
        "    except CaError as error:\n"
        "        print(error.code)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_a_wrong_pin_is_never_tried_twice_not_even_after_a_restart(token):
    first = in_a_process(token, "000000", "000000", PIN)
    restarted = in_a_process(token, "000000", PIN)
    person_says_so = in_a_process(token, PIN, after_wrong_pin=True)
    afterwards = in_a_process(token, PIN)

    assert first == ["keystore.pin-refused", "keystore.pin-refused", "keystore.pin-counted"]
    assert restarted == ["keystore.pin-counted", "keystore.pin-counted"]
    assert person_says_so == ["open"]
    assert afterwards == ["open"]


def test_the_pin_may_come_from_a_function_that_is_asked_late(token):
    asked = []

    def pin() -> bytes:
        asked.append(True)
        return PIN.encode()

    store = a_store(token, pin)
    assert asked == []
    store.generate("mail-g1", KeyKind.P256).sign(b"data", ec.ECDSA(hashes.SHA256()))

    assert asked == [True]


def test_a_token_or_module_that_is_not_there_is_said_to_be_so(tokens):
    assert code_of(KeyStoreError, lambda: a_store("no-such-token").labels()) == "keystore.token"
    nowhere = Pkcs11KeyStore(tokens / "nothing.so", "ca", PIN)
    assert code_of(KeyStoreError, nowhere.labels) == "keystore.token"


def test_a_forked_child_opens_a_session_of_its_own_and_leaves_the_parents_alone(token):
    key = a_store(token).generate("mail-g1", KeyKind.P256)
    key.sign(b"parent", ec.ECDSA(hashes.SHA256()))
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:  # pragma: no cover  another process
        code = 1
        try:
            os.write(writing, key.sign(b"child", ec.ECDSA(hashes.SHA256())))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        signature = pipe.read()
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    key.public_key().verify(signature, b"child", ec.ECDSA(hashes.SHA256()))
    again = key.sign(b"parent", ec.ECDSA(hashes.SHA256()))
    key.public_key().verify(again, b"parent", ec.ECDSA(hashes.SHA256()))


def test_a_session_that_the_module_forgot_is_opened_again(token):
    import pkcs11

    key = a_store(token).generate("mail-g1", KeyKind.P256)
    key.sign(b"before", ec.ECDSA(hashes.SHA256()))

    pkcs11.lib(str(module_path())).reinitialize()

    signature = key.sign(b"after", ec.ECDSA(hashes.SHA256()))
    key.public_key().verify(signature, b"after", ec.ECDSA(hashes.SHA256()))


def test_a_token_that_was_pulled_pauses_signing_until_it_is_back(tokens):
    label = new_token()
    key = a_store(label).generate("mail-g1", KeyKind.P256)
    key.sign(b"before", ec.ECDSA(hashes.SHA256()))
    folder, away = tokens / "tokens", tokens / "away"

    folder.rename(away)
    folder.mkdir()
    said = [code_of(KeyStoreError, lambda: key.sign(b"", ec.ECDSA(hashes.SHA256()))) for _ in range(3)]
    shutil.rmtree(folder)
    away.rename(folder)

    assert set(said) == {"keystore.token"}
    signature = key.sign(b"after", ec.ECDSA(hashes.SHA256()))
    key.public_key().verify(signature, b"after", ec.ECDSA(hashes.SHA256()))


def test_the_certificate_of_a_key_is_kept_beside_it(token):
    store = a_store(token)
    authority = hold(a_plan(), store, profiles=profiles(), now=NOW).authority("mail", store)
    key = store.generate("officer", KeyKind.P256)
    assert store.certificate("officer") is None
    first, second = (
        authority.sign(authority.prepare(PERSON, a_person(), key.public_key(), now=NOW)) for _ in range(2)
    )

    store.put_certificate("officer", first)
    store.put_certificate("officer", second)

    assert store.certificate("officer") == second
    assert code_of(KeyMissing, lambda: store.put_certificate("nobody", first)) == "keystore.missing"


@pytest.mark.slow
def test_how_fast_a_module_signs(token):
    key = a_store(token).generate("mail-g1", KeyKind.P384)
    started, count = time.perf_counter(), 300

    for _ in range(count):
        key.sign(b"x" * 900, ec.ECDSA(hashes.SHA384()))

    rate = count / (time.perf_counter() - started)
    print(f"\nSoftHSM P-384: {rate:,.0f} signatures/s")
    assert rate > 20
