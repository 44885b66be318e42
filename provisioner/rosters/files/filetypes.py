"""What kind of file this is, by its first bytes and not by its name."""

from provisioner.rosters.files.problems import Refused

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<head", b"<meta", b"<?xml", b"<div", b"mime-version:")
_OTHER = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BZh", b"\xfd7zXZ")

_SAVE_AS = "Hãy mở bằng Excel và lưu lại dạng .xlsx hoặc «CSV UTF-8»."
_SAVE_AS_EN = "Open it in Excel and save it as .xlsx or “CSV UTF-8”."


def file_type(start: bytes, filename: str) -> str:
    """`xlsx` for a zip archive, `csv` for what may be text. Raises Refused for what is neither."""
    if not start.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Refused("file-empty", vi="Tệp không có nội dung.", en="The file is empty.")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "xlsx"
    if start.startswith(_OLD_OFFICE):
        raise _old_office(filename)
    if start.startswith(b"%PDF"):
        raise not_a_table("PDF")
    if start.startswith(b"{\\rtf"):
        raise not_a_table("Word (RTF)")
    if start.startswith(_OTHER):
        raise Refused(
            "file-not-a-table",
            vi=f"Tệp là ảnh hoặc tệp nén, không phải bảng. {_SAVE_AS}",
            en=f"The file is a picture or an archive, not a table. {_SAVE_AS_EN}",
        )
    plain = start.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if plain.startswith(_MARKUP):
        raise Refused(
            "file-web-page",
            vi=f"Tệp là trang web (HTML hoặc XML) dù có thể mang đuôi .xls. {_SAVE_AS}",
            en=f"The file is a web page (HTML or XML), even if its name ends in .xls. {_SAVE_AS_EN}",
        )
    return "csv"


def not_a_table(kind: str) -> Refused:
    """The refusal for a document that only shows a table."""
    return Refused(
        "file-not-a-table",
        vi=f"Tệp là {kind}, không đọc được thành bảng. Hãy chép danh sách sang Excel rồi lưu dạng .xlsx.",
        en=f"The file is {kind} and cannot be read as a table. Copy the list to Excel and save it as .xlsx.",
    )


def other_spreadsheet(kind: str) -> Refused:
    """The refusal for a workbook in a format that is not read."""
    return Refused(
        "file-other-spreadsheet",
        vi=f"Tệp là {kind}, chưa được hỗ trợ. {_SAVE_AS}",
        en=f"The file is {kind}, which is not read here. {_SAVE_AS_EN}",
    )


def _old_office(filename: str) -> Refused:
    name = filename.lower()
    if name.endswith((".doc", ".dot", ".docx")):
        return not_a_table("Word")
    if name.endswith((".xlsx", ".xlsm")):
        return Refused(
            "file-encrypted",
            vi="Tệp Excel có đặt mật khẩu. Hãy bỏ mật khẩu rồi lưu lại dạng .xlsx.",
            en="The workbook is protected by a password. Remove the password and save it as .xlsx.",
        )
    return other_spreadsheet("Excel 97-2003 (.xls)")
