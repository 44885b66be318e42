"""Keys: weak ones are refused with a stable code, and a request gives its public key and nothing else."""

import secrets
from math import gcd, prod

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from ca.errors import KeyRefused
from ca.keys import _ROCA_PRIMES, _SMALL_PRODUCT, KeyKind, accept, generate_key, read_csr, spki_fingerprint


def modulus_of(bits: int, *, seed: int = 0) -> int:
    """An odd number of this size that has no small factor: the checks never ask for its primes."""
    n = (1 << (bits - 1)) | secrets.randbits(bits - 2) | 1 | seed
    while gcd(n, _SMALL_PRODUCT) != 1:
        n += 2
    return n


def rsa_key(n: int, e: int = 65537) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(e, n).public_key()


def refused(public_key: object) -> str:
    with pytest.raises(KeyRefused) as caught:
        accept(public_key)
    assert caught.value.text.vi != caught.value.text.en
    return caught.value.code


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384])
def test_elliptic_keys_of_the_profile_are_accepted(kind):
    public_key = generate_key(kind).public_key()

    assert accept(public_key) is public_key


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_keys_of_a_usual_size_are_accepted(bits):
    assert accept(rsa_key(modulus_of(bits))).key_size == bits


def test_a_real_rsa_key_is_accepted():
    public_key = rsa.generate_private_key(65537, 2048).public_key()

    assert accept(public_key) is public_key


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1(), ec.SECP224R1()])
def test_other_curves_are_refused(curve):
    assert refused(ec.generate_private_key(curve).public_key()) == "key.curve"


def test_other_kinds_are_refused():
    assert refused(ed25519.Ed25519PrivateKey.generate().public_key()) == "key.kind"
    assert refused(dsa.generate_private_key(2048).public_key()) == "key.kind"
    assert refused(None) == "key.kind"


def test_short_and_odd_rsa_sizes_are_refused():
    assert refused(rsa_key(modulus_of(2040))) == "key.rsa-short"
    assert refused(rsa_key(modulus_of(2052))) == "key.rsa-length"
    assert refused(rsa_key(modulus_of(4104))) == "key.rsa-length"


@pytest.mark.parametrize("exponent", [3, 17, 65535])
def test_small_exponents_are_refused(exponent):
    assert refused(rsa_key(modulus_of(2048), exponent)) == "key.rsa-exponent"


def test_a_modulus_with_a_small_factor_is_refused():
    n = modulus_of(2040, seed=3 << 2038) * 251

    assert n.bit_length() == 2048
    assert refused(rsa_key(n)) == "key.rsa-small-factor"


def test_primes_that_are_close_are_refused():
    # Fermat's method looks only at the distance, so two near numbers without small factors will do.
    p = modulus_of(1024, seed=3 << 1021)
    q = p + 2
    while gcd(q, _SMALL_PRODUCT) != 1:
        q += 2

    assert (p * q).bit_length() == 2048
    assert refused(rsa_key(p * q)) == "key.rsa-fermat"


def test_the_fingerprint_of_the_broken_infineon_library_is_refused():
    m = prod((2, *_ROCA_PRIMES))

    def prime_like() -> int:
        return ((3 << 1022) // m + secrets.randbits(512)) * m + pow(65537, secrets.randbelow(10**6), m)

    n = prime_like() * prime_like()
    while gcd(n, _SMALL_PRODUCT) != 1:  # other small factors would be another finding
        n = prime_like() * prime_like()

    assert n.bit_length() == 2048
    assert refused(rsa_key(n)) == "key.rsa-roca"


def test_random_keys_do_not_look_like_the_broken_library():
    for _ in range(200):
        accept(rsa_key(modulus_of(2048)))


def test_the_same_key_has_the_same_fingerprint():
    key = generate_key(KeyKind.P256)
    again = serialization.load_der_public_key(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )

    assert spki_fingerprint(key.public_key()) == spki_fingerprint(again)
    assert len(spki_fingerprint(again)) == 64
    assert spki_fingerprint(again) != spki_fingerprint(generate_key(KeyKind.P256).public_key())


def a_request(key=None, *extensions: x509.ExtensionType) -> x509.CertificateSigningRequest:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "I am the root")])
    builder = x509.CertificateSigningRequestBuilder(name)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key or generate_key(KeyKind.P256), hashes.SHA256())


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_a_request_gives_its_public_key(encoding):
    key = generate_key(KeyKind.P256)

    public_key = read_csr(a_request(key).public_bytes(encoding))

    assert public_key == key.public_key()


def test_what_a_request_asks_for_is_not_even_looked_at():
    request = a_request(
        None,
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectAlternativeName([x509.RFC822Name("chutich@lamdong.gov.vn")]),
    )

    assert isinstance(read_csr(request.public_bytes(serialization.Encoding.DER)), ec.EllipticCurvePublicKey)


def csr_code(data: bytes) -> str:
    with pytest.raises(KeyRefused) as caught:
        read_csr(data)
    return caught.value.code


def test_a_request_that_somebody_else_signed_is_refused():
    der = bytearray(a_request().public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1

    assert csr_code(bytes(der)) == "csr.possession"


def test_a_request_with_anothers_public_key_is_refused():
    mine, theirs = a_request(), a_request()
    der = mine.public_bytes(serialization.Encoding.DER)
    point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint

    stolen = der.replace(mine.public_key().public_bytes(*point), theirs.public_key().public_bytes(*point))

    assert csr_code(stolen) == "csr.possession"


def test_a_point_off_its_curve_is_refused():
    request = a_request()
    der = request.public_bytes(serialization.Encoding.DER)
    point = request.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )

    assert csr_code(der.replace(point, point[:-1] + bytes([point[-1] ^ 1]))) == "key.kind"


@pytest.mark.parametrize("data", [b"", b"junk", b"-----BEGIN CERTIFICATE REQUEST-----\nAA\n", b"\x30\x80"])
def test_bytes_that_are_no_request_are_refused(data):
    assert csr_code(data) == "csr.unreadable"


def test_a_huge_request_is_refused_unread():
    assert csr_code(b"\x30" * 20_000) == "csr.too-large"


def test_a_weak_key_in_a_request_is_refused():
    weak = rsa.generate_private_key(65537, 1024)

    assert csr_code(a_request(weak).public_bytes(serialization.Encoding.DER)) == "key.rsa-short"


def test_a_request_signed_by_a_method_we_do_not_know_is_refused():
    der = a_request().public_bytes(serialization.Encoding.DER)
    ecdsa_sha256, unknown = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04030f")

    assert csr_code(der.replace(ecdsa_sha256, unknown)) == "csr.possession"
