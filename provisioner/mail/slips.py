"""Slips of paper with one-time codes, as one PDF: agency by agency, to be cut and handed out.

The codes go to the typesetter through a pipe and leave it in the document: no temporary file ever holds one.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

import segno

from provisioner.days import day_of
from provisioner.errors import Invalid, Text
from provisioner.mail.codes import NewCode
from provisioner.reports.typesetting import typeset

_MASK = 2
"""Of the eight masks of a QR code any can be read; trying all of them for the prettiest takes five times as long."""

_LONGEST_SECONDS = 300
"""For a whole province on a busy machine; usually it takes a tenth of that."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all slips say alike. `page` is the address of the activation page, `own_page` where owners come in later."""

    province: str
    page: str
    own_page: str
    host: str
    length: int
    """Characters of a password, at least."""


def print_slips(codes: Sequence[NewCode], *, sheet: Sheet, now: datetime, expires_at: datetime) -> bytes:
    """The slips as PDF, in the order given. Raises `Unavailable` when setting them takes too long."""
    agencies = [
        {
            "code": code,
            "name": name,
            "slips": [
                {
                    "name": new.holder.name,
                    "title": new.holder.title,
                    "address": new.holder.address,
                    "code": new.code.reveal(),
                    "qr": _qr(f"{sheet.page}#{new.code.reveal()}"),
                }
                for new in slips
            ],
        }
        for (code, name), slips in groupby(
            codes, key=lambda new: (new.holder.agency_code, new.holder.agency_name)
        )
    ]
    return typeset(
        "slips",
        {
            "title": "Phiếu mã kích hoạt hộp thư công vụ",
            "province": sheet.province.upper(),
            "page": sheet.page,
            "own": sheet.own_page,
            "host": sheet.host,
            "length": sheet.length,
            "until": f"{day_of(expires_at):%d/%m/%Y}",
            "agencies": agencies,
        },
        at=now,
        seconds=_LONGEST_SECONDS,
    )


def save(pdf: bytes, path: Path) -> None:
    """Write the PDF for its owner only. Raises `Invalid` when it is there already or cannot be written."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pdf)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Invalid(
            Text(
                vi=f"Không ghi được tệp {path}: {error.strerror}.",
                en=f"{path} cannot be written: {error.strerror}.",
            ),
            code="file-not-writable",
        ) from error


def _qr(text: str) -> str:
    drawing = io.BytesIO()
    segno.make_qr(text, error="m", mask=_MASK, boost_error=False).save(
        drawing, kind="svg", border=2, xmldecl=False, svgclass=None, lineclass=None
    )
    return drawing.getvalue().decode("ascii")
