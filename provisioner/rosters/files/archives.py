"""What an XLSX holds, found out before it is opened: a workbook, and of an honest size.

A workbook is a zip archive of XML. A few kilobytes can claim or unfold to gigabytes, so every
member is inflated once, counted and thrown away; nothing is believed that the archive says of
itself. Kept in bounds: members, real bytes, ratio, overlap, far-away cells; refused: entities,
encryption, ZIP64, paths that climb.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from provisioner.rosters.files.filetypes import not_a_table, other_spreadsheet
from provisioner.rosters.files.limits import MIB, Limits
from provisioner.rosters.files.problems import Refused

_CHUNK = 1 << 16
_OVERLAP = 256
_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_LONGEST_COMMENT = 65_535
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_DIRECTORY_ENTRY = 512
"""Bytes a member may take in the archive's directory, on average."""

_RATIO_FREE = 8 * MIB
_ENTITY = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_FAR_CELL = re.compile(rb'<c r="(?:[A-Z]{3,}\d|[D-Z][A-Z]\d|[A-Z]{1,2}(?:[3-9]\d{5}|\d{7,})")[^>]*[^>/]>')
"""A cell with content beyond column CZ or row 299,999: a reader that keeps a dense sheet would
need gigabytes for it. Empty cells out there are common, from formatting whole columns."""


def inspect(file: BinaryIO, limits: Limits) -> None:
    """Raises Refused unless the archive is a workbook that can be opened without harm."""
    try:
        _check_directory(file, limits)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        _check_members(members, limits, size=file.seek(0, 2))
        _check_kind({member.filename for member in members})
        total = 0
        for member in members:
            total = _check_content(file, member, total, limits)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError):
        raise unreadable() from None


def unreadable() -> Refused:
    return Refused(
        "workbook-unreadable",
        vi="Tệp .xlsx bị hỏng, không mở được. Hãy mở bằng Excel và lưu lại.",
        en="The .xlsx file is damaged and cannot be opened. Open it in Excel and save it again.",
    )


def too_big() -> Refused:
    return Refused(
        "workbook-too-big",
        vi="Tệp .xlsx quá lớn sau khi giải nén, hoặc có ô dữ liệu ở rất xa. "
        "Hãy chép riêng danh sách sang một tệp mới, hoặc lưu dạng «CSV UTF-8».",
        en="The .xlsx file is too big once unpacked, or has a cell with data very far out. "
        "Copy just the list to a new workbook, or save it as “CSV UTF-8”.",
    )


def _unsafe() -> Refused:
    return Refused(
        "workbook-unsafe",
        vi="Tệp .xlsx có cấu trúc bất thường, không do Excel tạo ra. Hãy mở bằng Excel và lưu lại.",
        en="The .xlsx file has a structure that Excel does not write. Open it in Excel and save it again.",
    )


def _check_directory(file: BinaryIO, limits: Limits) -> None:
    """Bound the directory itself, before it is made into an object for each member."""
    size = file.seek(0, 2)
    start = max(0, size - _END.size - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        raise unreadable()
    _, _, _, _, members, directory_size, _, _ = _END.unpack_from(tail, at)
    if tail[max(0, at - 20) : at].startswith(_ZIP64_LOCATOR):
        raise _unsafe()
    if members > limits.workbook_members or directory_size > limits.workbook_members * _DIRECTORY_ENTRY:
        raise too_big()


def _check_members(members: list[zipfile.ZipInfo], limits: Limits, *, size: int) -> None:
    if (
        len(members) > limits.workbook_members
        or sum(member.file_size for member in members) > limits.workbook_bytes
    ):
        raise too_big()
    names = {member.filename for member in members}
    if (
        len(names) < len(members)
        or sum(member.compress_size for member in members) > size
        or any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members)
        or any(name.startswith("/") or ".." in name.split("/") for name in names)
    ):
        raise _unsafe()
    if any(member.flag_bits & 0x1 for member in members):
        raise Refused(
            "file-encrypted",
            vi="Tệp được đặt mật khẩu. Hãy bỏ mật khẩu rồi lưu lại dạng .xlsx.",
            en="The file is protected by a password. Remove the password and save it as .xlsx.",
        )


def _check_kind(names: set[str]) -> None:
    if "xl/workbook.xml" in names:
        return
    if "xl/workbook.bin" in names:
        raise other_spreadsheet("Excel nhị phân (.xlsb)")
    if any(name.startswith("word/") for name in names):
        raise not_a_table("Word")
    if "content.xml" in names and "mimetype" in names:
        raise other_spreadsheet("OpenDocument (.ods)")
    raise Refused(
        "file-not-a-table",
        vi="Tệp là tệp nén, không phải Excel. Hãy giải nén và tải lên từng tệp .xlsx hoặc CSV.",
        en="The file is an archive, not a workbook. Unpack it and upload each .xlsx or CSV file.",
    )


def _check_content(file: BinaryIO, member: zipfile.ZipInfo, total: int, limits: Limits) -> int:
    """Inflate one member for its real size and a look at its text. The bytes of all so far."""
    is_sheet = member.filename.startswith("xl/worksheets/")
    is_markup = member.filename.lower().endswith((".xml", ".rels", ".vml"))
    before, real = b"", 0
    for chunk in _inflated(file, member):
        real += len(chunk)
        if total + real > limits.workbook_bytes:
            raise too_big()
        if real > _RATIO_FREE and real > limits.workbook_ratio * max(1, member.compress_size):
            raise too_big()
        if is_markup:
            text = (before + chunk).replace(b"\x00", b"")
            if _ENTITY.search(text):
                raise _unsafe()
            if is_sheet and _FAR_CELL.search(text):
                raise too_big()
            before = text[-_OVERLAP:]
    if real != member.file_size:
        raise _unsafe()
    return total + real


def _inflated(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's content in pieces, however much it turns out to be.

    `ZipFile.open` would stop at the size that the directory declares, which is the very figure
    in doubt.
    """
    file.seek(member.header_offset)
    header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if header[0] != b"PK\x03\x04":
        raise unreadable()
    file.seek(header[9] + header[10], 1)
    left = member.compress_size
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while left > 0:
        raw = file.read(min(_CHUNK, left))
        if not raw:
            raise EOFError
        left -= len(raw)
        if member.compress_type == zipfile.ZIP_STORED:
            yield raw
            continue
        while raw and not inflate.eof:
            yield inflate.decompress(raw, _CHUNK)
            raw = inflate.unconsumed_tail
