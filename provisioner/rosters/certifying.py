"""Whether a certificate can hold what a row says: signing would refuse it, after somebody has approved it."""

from provisioner.certificates.subjects import fits_name, fits_number, fits_title
from provisioner.errors import Invalid
from provisioner.people.names import parse
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import Outcome
from provisioner.rosters.verdicts import Verdict


def check_person_for_certificate(verdict: Verdict) -> None:
    """Refuse the row of a person whose name or number no certificate can hold; warn where the title is left out."""
    entry = verdict.entry
    if not _fits_name(entry.full_name or ""):
        verdict.stop(
            Outcome.REFUSED,
            "name-too-long-for-certificate",
            Column.FULL_NAME,
            vi="Họ, hoặc chữ đệm và tên, dài quá 64 ký tự mà chứng thư chứa được; hãy bỏ yêu cầu cấp chứng thư.",
            en="The family name, or middle and given name, are longer than the 64 characters a certificate holds; "
            "do not ask for a certificate.",
        )
    if not fits_number(entry.staff_number or ""):
        verdict.stop(
            Outcome.REFUSED,
            "staff-number-not-for-certificate",
            Column.STAFF_NUMBER,
            vi="Mã cán bộ ghi trong chứng thư chỉ gồm chữ không dấu, số, dấu chấm, gạch nối và gạch chéo.",
            en="In a certificate a staff number has plain letters, digits, full stops, hyphens and slashes only.",
        )
    if entry.position and not fits_title(entry.position):
        verdict.warn(
            "title-left-out-of-certificate",
            Column.POSITION,
            vi="Chức vụ dài quá 64 ký tự nên không ghi trong chứng thư; sổ và thư mục vẫn ghi đủ.",
            en="The title is longer than 64 characters, so it does not stand in the certificate; the books and the "
            "directory have all of it.",
        )


def _fits_name(full_name: str) -> bool:
    try:
        name = parse(full_name)
    except Invalid:  # said where the address is made of it
        return True
    return fits_name(name.family, name.middle, name.given)
