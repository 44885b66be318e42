"""Many requests in one file, weak keys of old, and damaged bytes: only sound public keys come out."""

import hashlib
import io
import random
import struct
import time
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca.csr_bundle import MAX_REQUESTS, read_csr_bundle
from ca.errors import CaError, KeyRefused, Unreadable
from ca.keys import KeyKind, generate_key, read_csr
from ca.lint import lint
from ca.weak_keys import DebianKeys
from tests.ca.world import NOW, a_person, mail_authority, profiles


def a_request(key=None) -> bytes:
    """A request that asks for the moon: to be an authority, with foreign names and every purpose."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Chủ tịch nước"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "root@example.com"),
        ]
    )
    builder = (
        x509.CertificateSigningRequestBuilder(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.OCSP_SIGNING]),
            critical=True,
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("evil.example.com")]), critical=False)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.666"), b"!"), True)
    )
    return builder.sign(key or generate_key(KeyKind.P256), hashes.SHA256()).public_bytes(Encoding.DER)


def a_zip(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as bundle:
        for name, content in files:
            bundle.writestr(name, content)
    return buffer.getvalue()


def bundle_code(data: bytes) -> str:
    with pytest.raises(KeyRefused) as refused:
        read_csr_bundle(data)
    return refused.value.code


def outcomes(data: bytes, **more) -> dict[str, str]:
    return {
        name: outcome.code if isinstance(outcome, KeyRefused) else "key"
        for name, outcome in read_csr_bundle(data, **more)
    }


def test_nothing_that_a_request_asks_for_reaches_its_certificate():
    key, authority, profile = generate_key(KeyKind.P256), mail_authority(), profiles()["person-mail"]

    public_key = read_csr(a_request(key))
    certificate = authority.sign(authority.prepare(profile, a_person(), public_key, now=NOW))

    assert certificate.public_key() == key.public_key()
    findings = lint(certificate, profile=profile, issuer=authority.certificate, expected=a_person())
    assert findings == ()
    der = certificate.public_bytes(Encoding.DER)
    for asked in ("Chủ tịch nước", "example.com", "root@"):
        assert asked.encode() not in der


def test_each_file_of_a_zip_stands_for_itself():
    short = rsa.generate_private_key(65537, 1024)
    data = a_zip(
        ("binh.csr", a_request()),
        ("so/anh.pem", x509.load_der_x509_csr(a_request()).public_bytes(Encoding.PEM)),
        ("junk.txt", b"hello"),
        ("short.csr", a_request(short)),
        ("so/", b""),
        (".DS_Store", b"x"),
        ("__MACOSX/binh.csr", b"x"),
    )

    assert outcomes(data) == {
        "binh.csr": "key",
        "anh.pem": "key",
        "junk.txt": "csr.unreadable",
        "short.csr": "key.rsa-short",
    }


def test_a_single_request_is_a_bundle_of_one():
    assert outcomes(a_request()) == {"": "key"}
    assert outcomes(b"junk") == {"": "csr.unreadable"}


def test_a_name_never_leads_out_of_its_folder_nor_plays_with_the_screen():
    assert set(outcomes(a_zip(("../../etc/anh\x1b[31m.csr", b"x"), ("c:\\windows\\b.csr", b"x")))) == {
        "anh[31m.csr",
        "b.csr",
    }


def test_a_bomb_is_refused_before_it_goes_off():
    bomb = a_zip(("bomb.csr", b"\0" * 200_000_000))
    started = time.process_time()

    assert outcomes(bomb) == {"bomb.csr": "csr.too-large"}
    assert time.process_time() - started < 0.5


def test_too_many_files_are_refused_before_they_are_listed():
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *([0] * 4), *([0] * 4), 0, 0, 0, *([0] * 5), 0, 0)
    count = 1_000_000
    directory = entry * count
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 4, 0)
    started = time.process_time()

    assert bundle_code(b"PK\3\4" + directory + end) == "csr.bundle-too-large"
    assert time.process_time() - started < 1
    assert bundle_code(a_zip(*((f"{n}.csr", b"") for n in range(MAX_REQUESTS + 1)))) == "csr.bundle-too-large"


def test_a_file_of_immense_size_is_refused():
    assert bundle_code(b"PK" + bytes(64 * 1024 * 1024)) == "csr.bundle-too-large"


@pytest.mark.parametrize(
    "data",
    [b"PK", b"PK\3\4", b"PK\5\6" + bytes(10), a_zip(("a", b"a"))[:-30]],
    ids=["mark", "header", "end", "cut"],
)
def test_a_damaged_zip_is_refused(data):
    assert bundle_code(data) == "csr.bundle-unreadable"


def test_an_encrypted_file_in_a_zip_is_refused_alone():
    data = bytearray(a_zip(("a.csr", a_request())))
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + offset] |= 1

    assert outcomes(bytes(data)) == {"a.csr": "csr.unreadable"}


def test_zips_with_any_byte_changed_are_read_or_refused():
    good, chance = a_zip(("a.csr", a_request()), ("b.csr", a_request())), random.Random(1)
    for _ in range(500):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            assert len(read_csr_bundle(bytes(data))) <= 2
        except KeyRefused as refused:
            assert refused.code.startswith("csr.bundle")  # noqa: PT017


def debian_fingerprint(key: rsa.RSAPublicKey) -> str:
    line = f"Modulus={key.public_numbers().n:X}\n"
    return hashlib.sha1(line.encode()).hexdigest()[20:]


def test_a_key_on_the_list_of_debian_is_refused_and_others_are_not(tmp_path):
    weak, sound = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    (tmp_path / "blacklist.RSA-2048").write_text(
        f"# of openssl-blacklist\n{debian_fingerprint(weak.public_key())}\n"
    )
    debian = DebianKeys.load(tmp_path / "blacklist.RSA-2048")

    assert len(debian) == 1
    assert generate_key(KeyKind.P256).public_key() not in debian
    assert read_csr(a_request(sound), debian=debian) == sound.public_key()
    assert outcomes(a_zip(("w.csr", a_request(weak))), debian=debian) == {"w.csr": "key.debian"}


@pytest.mark.parametrize("content", ["not hex\n", "abc\n", "\u0111"])
def test_a_list_of_another_form_is_refused(tmp_path, content):
    (tmp_path / "list").write_text(content, "utf-8")

    with pytest.raises(Unreadable):
        DebianKeys.load(tmp_path / "list")
    with pytest.raises(Unreadable):
        DebianKeys.load(tmp_path / "nowhere")


SEEDS = (
    a_request(),
    a_request(generate_key(KeyKind.P384)),
    a_request(rsa.generate_private_key(65537, 2048)),
)


def mutated(chance: random.Random) -> bytes:
    """A request with bytes changed, lengths bent, pieces doubled, left out, or taken from another."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        position = chance.randrange(len(data))
        match chance.randrange(7):
            case 0:
                data[position] ^= 1 << chance.randrange(8)
            case 1:
                data[position] = chance.choice((0, 1, 0x30, 0x31, 0x7F, 0x80, 0x81, 0x84, 0xA0, 0xFF))
            case 2:
                del data[position : position + chance.randint(1, 40)]
            case 3:
                data[position:position] = chance.randbytes(chance.randint(1, 20))
            case 4:
                data[position:position] = data[position : position + chance.randint(1, 60)]
            case 5:
                other = chance.choice(SEEDS)
                data[position:] = other[position:]
            case _:
                data = data[: max(position, 1)]
        data = data or bytearray(b"0")
    return bytes(data)


def fuzz(count: int, seed: int) -> tuple[int, int]:
    """How many mutated requests gave a key, and how many were refused; nothing else may happen."""
    chance = random.Random(seed)
    genuine = [x509.load_der_x509_csr(data).public_key() for data in SEEDS]
    keys = refusals = 0
    for _ in range(count):
        data = mutated(chance)
        try:
            public_key = read_csr(data)
        except CaError as refused:
            assert refused.text.vi  # noqa: PT017
            refusals += 1
        else:
            # Only its owner can have signed, so it is a key that was not touched.
            assert public_key in genuine
            keys += 1
    return keys, refusals


def test_two_thousand_damaged_requests_are_refused_or_give_an_owners_key():
    keys, refusals = fuzz(2_000, seed=2026)

    assert keys + refusals == 2_000
    assert refusals > 1_900


@pytest.mark.slow
def test_two_hundred_thousand_damaged_requests_are_refused_or_give_an_owners_key():
    keys, refusals = fuzz(200_000, seed=1)

    print(f"\n{keys} keys, {refusals} refusals")
    assert keys + refusals == 200_000
