"""The record (biên bản) of a key ceremony, in the form of an administrative document, always in Vietnamese.

What is compared with it years later stands in it word by word: names, serial numbers, validity, SHA-256
fingerprints, and the digest of the plan that people read before. Everybody who took part signs by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from ca.ceremony import ROOT, Ceremony, Occasion
from ca.crl import crl_number
from ca.keys import public_key_of, spki_fingerprint
from provisioner.days import VIETNAM, day_of
from provisioner.reports.letterhead import Letterhead, Signature
from provisioner.reports.typesetting import TEMPLATES, typeset


@dataclass(frozen=True, slots=True)
class Held:
    """A ceremony that was held: what it gave, when, by which plan, and where the keys are kept now."""

    ceremony: Ceremony
    occasion: Occasion
    plan_sha256: str
    made: frozenset[str]
    """The labels of the authorities that did not stand before."""
    began: datetime
    ended: datetime
    store: str
    software: str


def ceremony_record(held: Held, *, folder: Path = TEMPLATES) -> bytes:
    """The record as PDF. Raises what `typeset` raises."""
    plan = held.ceremony.plan
    presiding = next(iter(held.occasion.participants), None)
    head = Letterhead(
        agency=plan.owner,
        place=plan.province.removeprefix("tỉnh ").removeprefix("thành phố "),
        day=day_of(held.began),
        number="/BB",
        signature=Signature(
            (presiding.role if presiding else "Chủ trì",), presiding.name if presiding else ""
        ),
    )
    authorities = [_authority(held, label) for label in held.ceremony.certificates]
    data = {
        **head.as_data(),
        "kind": "Biên bản",
        "subject": f"Tạo khóa và cấp chứng thư cho các CA của {plan.owner}",
        "basis": list(held.occasion.basis),
        "when": _moment(held.began),
        "until": _moment(held.ended),
        "place": held.occasion.place,
        "participants": [
            {"name": each.name, "position": each.position, "role": each.role}
            for each in held.occasion.participants
        ],
        "facts": [
            ["Tệp kế hoạch (SHA-256)", _grouped(held.plan_sha256)],
            ["Tên miền thư được cấp chứng thư", ", ".join(plan.domains)],
            ["Nơi công bố", plan.base_url],
            ["Nơi giữ khóa bí mật", held.store],
            ["Phần mềm", held.software],
        ],
        "made": [each["lines"] for each in authorities if each["is_new"]],
        "standing": [each["lines"] for each in authorities if not each["is_new"]],
    }
    return typeset("ceremony", data, at=held.ended, folder=folder)


def _authority(held: Held, label: str) -> Mapping[str, Any]:
    ceremony = held.ceremony
    certificate, crl = ceremony.certificates[label], ceremony.lists[label]
    plan = ceremony.plan
    profile = next((each.profile for each in plan.issuing if plan.label_of(each) == label), ROOT)
    key = public_key_of(certificate)
    (name,) = [str(each.value) for each in certificate.subject if each.oid.dotted_string == "2.5.4.3"]
    lines = [
        ["Tên (CN)", name],
        ["Nhãn khóa", label],
        ["Mẫu chứng thư", profile],
        ["Khóa", f"{'RSA-' if isinstance(key, rsa.RSAPublicKey) else 'ECDSA P-'}{key.key_size}"],
        ["Số hiệu", _grouped(f"{certificate.serial_number:x}")],
        [
            "Hiệu lực",
            f"từ {_moment(certificate.not_valid_before_utc)} đến {_moment(certificate.not_valid_after_utc)}",
        ],
        ["Dấu vân tay chứng thư (SHA-256)", _grouped(ceremony.fingerprints()[label])],
        ["Dấu vân tay khóa công khai (SHA-256)", _grouped(spki_fingerprint(key))],
        ["Danh sách thu hồi", f"số {crl_number(crl)}, đến {_moment(crl.next_update_utc)}"],
    ]
    return {"is_new": label in held.made, "lines": lines}


def _grouped(digits: str) -> str:
    """Hexadecimal digits in fours, so that two people can read them to each other."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4)).upper()


def _moment(moment: datetime | None) -> str:
    """A moment of Vietnam's day: `09 giờ 30 phút 05 giây, ngày 21/11/2026`."""
    assert moment is not None  # every list of ours has its end
    local = moment.astimezone(VIETNAM)
    return f"{local:%H} giờ {local:%M} phút {local:%S} giây, ngày {local:%d/%m/%Y}"
