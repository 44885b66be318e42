"""The demo province: Lâm Đồng's 124 communes and its provincial bodies as an agency list.

`python -m provisioner.demo.province` writes `config/reference/lamdong_agencies.csv` again from the
communes beside it and from `province.toml`. Nothing in it is random: the same input, the same bytes.
"""

import csv
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from provisioner.demo.names import Sex, full_names

REFERENCE = Path(__file__).parents[2] / "config" / "reference"
COMMUNES = REFERENCE / "lamdong_communes_2025.csv"
AGENCIES = REFERENCE / "lamdong_agencies.csv"

TWO_TIERS_SINCE = "2025-07-01"
"""Nghị quyết 203/2025/QH15: the day the communes of today began."""

_FIRST_COMMUNE_NUMBER = 101
_PEOPLES_COMMITTEES = {"Xã": "ubnd_xa", "Phường": "ubnd_phuong", "Đặc khu": "ubnd_dac_khu"}
_LONGEST_LEGAL_NAME = 64  # characters of organizationName, RFC 5280 appendix A.1, ub-organization-name


@dataclass(frozen=True, slots=True)
class AgencyRow:
    """One line of the agency list; the fields are its columns, in their order."""

    ma_co_quan: str
    ten: str
    ten_ngan: str
    viet_tat: str
    khoi: str
    cap: str
    loai: str
    ma_cha: str
    bien_che_can_bo: int
    bien_che_cong_chuc: int
    bien_che_vien_chuc: int
    bien_che_nguoi_lao_dong: int
    tu_cach_phap_nhan: str
    con_dau: str
    hop_thu_don_vi: str
    nguoi_lien_he: str
    email_lien_he: str
    dien_thoai_lien_he: str
    ma_cu: str
    hieu_luc_tu: str


@dataclass(frozen=True, slots=True)
class Commune:
    """One commune of today, with how many communes of before it took in."""

    name: str
    kind: str
    absorbed: int

    @property
    def place(self) -> str:
        """As it stands inside a name: "xã Mũi Né"."""
        return self.kind.lower() + self.name.removeprefix(self.kind)

    @property
    def slug(self) -> str:
        """The full name without marks (Nghị định 224/2026/NĐ-CP, art. 11.4).

        A ward named by a number keeps its kind, because an address should not begin with a digit.
        """
        bare = self.name.removeprefix(self.kind).strip()
        return _without_marks(self.name if bare[0].isdigit() else bare)

    @property
    def size(self) -> float:
        """How much more or less staff it has than the middle one."""
        return 0.82 + 0.06 * min(self.absorbed, 7)


def communes(path: Path = COMMUNES) -> list[Commune]:
    """The communes of the province in the order of their codes."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Commune(row["ten_moi"], row["loai"], int(row["so_xa_cu"]))
            for row in sorted(csv.DictReader(file), key=lambda row: row["ma_xa_moi"])
        ]


def agencies(path: Path = COMMUNES) -> Iterator[AgencyRow]:
    """Every agency and unit of the province, parents before children."""
    definition = tomllib.loads((Path(__file__).parent / "province.toml").read_text("utf-8"))
    contacts = full_names("contacts")
    names = {body["code"]: body["name"] for body in definition["body"]}
    for number, body in enumerate(definition["body"]):
        name = f"{body['name']}, {names[body['parent']]}" if body.get("unit") else body["name"]
        short = body["name"] if len(name) > _LONGEST_LEGAL_NAME else ""
        facts = {**body, "name": name, "short_name": short, "level": "tinh"}
        yield _row(facts, contact=next(contacts), number=number)
    for index, commune in enumerate(communes(path)):
        values = {
            "n": str(_FIRST_COMMUNE_NUMBER + index),
            "place": commune.place,
            "slug": commune.slug,
            "ubnd": _PEOPLES_COMMITTEES[commune.kind],
        }
        for position, body in enumerate(definition["commune_body"]):
            facts = _in_commune(body, commune, values)
            yield _row(facts, contact=next(contacts), number=1000 + 10 * index + position)


def write(path: Path = AGENCIES) -> int:
    """Write the agency list (UTF-8 with a byte order mark, as Excel likes it) and say how many rows."""
    rows = list(agencies())
    columns = [field.name for field in fields(AgencyRow)]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([getattr(row, column) for column in columns] for row in rows)
    return len(rows)


def _in_commune(body: Mapping[str, Any], commune: Commune, values: Mapping[str, str]) -> dict[str, Any]:
    """A body of `province.toml` as this commune has it."""
    urban = commune.kind == "Phường"
    facts = {
        **body,
        "name": body.get("urban_name", body["name"]) if urban else body["name"],
        "abbreviation": body.get("urban_abbreviation", body["abbreviation"])
        if urban
        else body["abbreviation"],
    }
    facts = {key: text.format(**values) if isinstance(text, str) else text for key, text in facts.items()}
    if len(facts["name"]) <= _LONGEST_LEGAL_NAME:
        facts["short_name"] = ""
    leaders_kept = 3  # a committee's size does not grow with the commune
    facts["heads"] = [
        heads if heads <= leaders_kept else round(heads * commune.size) for heads in body["heads"]
    ]
    return {**facts, "level": "xa"}


def _row(facts: Mapping[str, Any], *, contact: tuple[str, Sex], number: int) -> AgencyRow:
    own = "" if facts.get("unit") else "x"
    code = facts["code"]
    return AgencyRow(
        ma_co_quan=code,
        ten=facts["name"],
        ten_ngan=facts.get("short_name", ""),
        viet_tat=facts["abbreviation"],
        khoi=facts["bloc"],
        cap=facts["level"],
        loai=facts["kind"],
        ma_cha=facts.get("parent", ""),
        bien_che_can_bo=facts["heads"][0],
        bien_che_cong_chuc=facts["heads"][1],
        bien_che_vien_chuc=facts["heads"][2],
        bien_che_nguoi_lao_dong=facts["heads"][3],
        tu_cach_phap_nhan=own,
        con_dau=own,
        hop_thu_don_vi="x" if own or facts.get("mailbox") else "",
        nguoi_lien_he=contact[0] if own else "",
        email_lien_he=f"lienhe.{facts['abbreviation']}@lamdong.example" if own else "",
        dien_thoai_lien_he=f"053{number:07}" if own else "",
        ma_cu=_old_form(code),
        hieu_luc_tu=TWO_TIERS_SINCE,
    )


def _old_form(code: str) -> str:
    """`H36.05` as QCVN 102:2016 wrote it; empty where the old form had no room or no such agency."""
    if re.fullmatch(r"H\d\d", code):
        return f"000.00.00.{code}"
    if re.fullmatch(r"H\d\d\.\d\d", code):
        return f"000.00.{code[4:]}.{code[:3]}"
    return ""


def _without_marks(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return re.sub(r"[^a-z0-9]", "", plain)


if __name__ == "__main__":
    print(f"{AGENCIES.name}: {write()} agencies and units")  # noqa: T201 - a script's one line
