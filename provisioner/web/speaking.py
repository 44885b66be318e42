"""The two languages of the site: what is said, and how dates and figures are written.

Messages are written in English where they are used; `catalogues/vi.po` holds the Vietnamese. It is
read at the start, so that nobody has to build anything. Vietnamese comes first: English is asked for.
"""

from datetime import date, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from flask import Flask, Response, request

from provisioner.days import VIETNAM, day_of, written
from provisioner.errors import Text

CATALOGUES = Path(__file__).parent / "catalogues"
COOKIE = "language"
LANGUAGES = ("vi", "en")
_KEPT = "provisioner.language"


def language() -> str:
    """Vietnamese, unless the address or the switch of the page asked for English."""
    # Kept with the request: a page asks a hundred times.
    known: str | None = request.environ.get(_KEPT)
    if known is None:
        asked = request.args.get("lang")
        if asked not in LANGUAGES:
            asked = request.cookies.get(COOKIE)
        request.environ[_KEPT] = known = asked if asked in LANGUAGES else "vi"
    return known


def gettext(message: str, **values: object) -> str:
    """The message in the language of the request, with its values filled in."""
    said = message if language() == "en" else catalogue().gettext(message)
    return said % values if values else said


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """The same for a message that counts; `%(num)s` is the number as it is written here."""
    said = (one if n == 1 else many) if language() == "en" else catalogue().ngettext(one, many, n)
    return said % ({"num": number(n)} | values)


def spoken(text: Text) -> str:
    """A sentence of the rooms below, in the language of the request."""
    return text.in_language(language())


def number(value: int) -> str:
    """6.041 in Vietnamese, 6,041 in English."""
    return format_decimal(value, locale=language())


def day(value: date | None) -> str:
    """21/11/2026 in Vietnamese, 21 Nov 2026 in English."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = day_of(value)
    return written(value, language())


def read_day(text: str) -> date | None:
    """A day as a browser's field sends it, or as it is written in Vietnam; None for others, and for those of other ages."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            read = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return read if 1900 <= read.year < 3000 else None
    return None


def moment(value: datetime | None) -> str:
    """Day and time of day in Vietnam."""
    return "–" if value is None else f"{day(value)} {value.astimezone(VIETNAM):%H:%M}"


def last_day(until: datetime) -> str:
    """The last day of something that ends at this moment."""
    return day(until - timedelta(microseconds=1))


@cache
def catalogue() -> Translations:
    """The Vietnamese messages."""
    with (CATALOGUES / "vi.po").open("rb") as file:
        messages = read_po(file, locale="vi")
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def speak(app: Flask) -> None:
    """Teach the templates to speak, and keep the language that somebody switched to."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: message if language() == "en" else catalogue().gettext(message),
        lambda one, many, n: (
            (one if n == 1 else many) if language() == "en" else catalogue().ngettext(one, many, n)
        ),
        newstyle=True,
    )
    app.jinja_env.filters.update(number=number, day=day, last_day=last_day, moment=moment, spoken=spoken)

    @app.after_request
    def keep(response: Response) -> Response:
        asked = request.args.get("lang")
        if asked in LANGUAGES and asked != request.cookies.get(COOKIE):
            response.set_cookie(COOKIE, asked, max_age=31_536_000, samesite="Lax", path="/")
        return response
