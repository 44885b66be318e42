"""From bytes to text: which encoding a file is in.

A byte order mark decides; then UTF-16 by its zero bytes; then UTF-8, which hardly any other text
happens to be. What is left is one byte a letter, and which letter is found by looking how
Vietnamese the text becomes. When that is not clear the file is refused, because a wrong guess
gives plausible names that nobody bears.
"""

import codecs
import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from provisioner.rosters.files.old_fonts import FONTS, MOST_OF_A_GUESS, likely_font
from provisioner.rosters.files.problems import Refused
from provisioner.rosters.files.syllables import accented_words, vietnamese

_CHUNK = 1 << 20
_SAMPLE_LINES = 5_000
_FEWEST_WORDS = 3
_LIKELY = 0.7
_CLEARLY = 0.3

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)

TITLES = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "windows-1258": "Windows-1258",
    "tcvn3": "TCVN3 (ABC)",
    "vni": "VNI",
}
"""How each encoding is called in a sentence."""

_CHOICES = {
    "utf8": "utf-8",
    "utf8sig": "utf-8",
    "utf16": "utf-16",
    "utf16le": "utf-16-le",
    "utf16be": "utf-16-be",
    "windows1258": "windows-1258",
    "cp1258": "windows-1258",
    "tcvn3": "tcvn3",
    "tcvn": "tcvn3",
    "abc": "tcvn3",
    "vni": "vni",
    "vniwindows": "vni",
}

# The typographic signs of Windows, which an old font leaves as they are.
_WINDOWS_SIGNS = {
    byte: bytes([byte]).decode("cp1252")
    for byte in range(0x80, 0xA0)
    if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to turn a file's bytes into text."""

    name: str
    codec: str
    convert: Callable[[str], str] | None = None
    """What to do with each line once it is decoded."""

    confidence: float = 1.0
    """1 when it was chosen or cannot be otherwise; less when it was guessed from the words."""


def open_source(source: bytes | Path) -> io.BufferedReader | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def lines(source: bytes | Path, encoding: Encoding) -> Iterator[str]:
    """The file's lines with their ends as they are, decoded one after the other."""
    with io.TextIOWrapper(open_source(source), encoding=encoding.codec, newline="") as text:
        yield from map(encoding.convert, text) if encoding.convert else text


def detect(source: bytes | Path, chosen: str | None) -> Encoding:
    """The encoding of a text file: the one that was chosen, or the one it shows itself to be in.

    Raises Refused when the choice is unknown or does not fit, or when no encoding is clear.
    """
    if chosen is None:
        return _unicode(source) or _eight_bit(source)
    name = chosen_encoding(chosen)
    inside = _unicode(source, look_for_fonts=False) if name in _OLD else None
    if inside:
        keep_good_vietnamese(_words(source, inside), name)
    if name in FONTS:
        if inside:
            return Encoding(name, inside.codec, FONTS[name])
        return Encoding(name, "latin-1", _after_windows_signs(FONTS[name]))
    codec = {"utf-8": "utf-8-sig", "windows-1258": "cp1258"}.get(name, name)
    if _first_error(source, codec) is not None:
        raise Refused(
            "encoding-mismatch",
            vi=f"Tệp không phải bảng mã {name}. Hãy để hệ thống tự nhận bảng mã hoặc chọn bảng mã khác.",
            en=f"The file is not in {name}. Let the encoding be detected, or choose another.",
        )
    return Encoding(name, codec, _composed if name == "windows-1258" else None)


def chosen_encoding(chosen: str) -> str:
    """The encoding somebody chose, by the one name we use for it. Raises Refused for an unknown one."""
    name = _CHOICES.get("".join(filter(str.isalnum, chosen.lower())))
    if name is None:
        raise Refused(
            "encoding-name-unknown",
            vi="Không có bảng mã này. Các bảng mã: utf-8, utf-16, windows-1258, tcvn3, vni.",
            en="There is no such encoding. Choose from utf-8, utf-16, windows-1258, tcvn3, vni.",
        )
    return name


def keep_good_vietnamese(words: Sequence[str], chosen: str) -> None:
    """Raises Refused when these words of a Unicode text are good Vietnamese, and no more were as the chosen one reads them."""
    good = vietnamese(words, str)
    if good >= _LIKELY and good >= vietnamese(words, _OLD[chosen]):
        raise Refused(
            "encoding-mismatch",
            vi=f"Chữ trong tệp đã là tiếng Việt Unicode, không phải {TITLES[chosen]}; đọc theo bảng mã đó thì họ tên sẽ sai. "
            "Hãy để hệ thống tự nhận bảng mã.",
            en=f"The text is Vietnamese in Unicode already, and not {TITLES[chosen]}, which would spoil the names. "
            "Let the encoding be detected.",
        )


def _unicode(source: bytes | Path, *, look_for_fonts: bool = True) -> Encoding | None:
    with open_source(source) as file:
        start = file.read(4096)
    found = next(((name, codec) for mark, name, codec in _MARKS if start.startswith(mark)), None)
    name, codec = found or _utf16_without_mark(start) or ("utf-8", "utf-8")
    error = _first_error(source, codec)
    if error is not None:
        if found or error.nearly_right:
            raise _broken(name, error.line)
        return None
    if look_for_fonts:
        words = _words(source, Encoding(name, codec))
        if len(words) >= _FEWEST_WORDS and (font := likely_font(words)):
            return Encoding(font[0], codec, FONTS[font[0]], font[1])
    return Encoding(name, codec)


def _words(source: bytes | Path, encoding: Encoding) -> list[str]:
    return accented_words(islice(lines(source, encoding), _SAMPLE_LINES))


def _utf16_without_mark(start: bytes) -> tuple[str, str] | None:
    """UTF-16 by the zero bytes of its separators and digits; Excel's `Unicode text` without a mark."""
    pairs = len(start) // 2
    even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if odd > 0.3 * pairs and even < 0.05 * pairs:
        return "utf-16-le", "utf-16-le"
    if even > 0.3 * pairs and odd < 0.05 * pairs:
        return "utf-16-be", "utf-16-be"
    return None


def _eight_bit(source: bytes | Path) -> Encoding:
    words = _words(source, Encoding("latin-1", "latin-1"))
    shares = {name: vietnamese(words, convert) for name, convert in FONTS.items()}
    if _first_error(source, "cp1258") is None:
        shares["windows-1258"] = vietnamese(words, _as_windows_1258)
    ranked = sorted(shares, key=shares.__getitem__, reverse=True)
    best = ranked[0]
    lead = shares[best] - shares[ranked[1]]
    if len(words) < _FEWEST_WORDS or shares[best] < _LIKELY or lead < _CLEARLY:
        raise Refused(
            "encoding-unclear",
            vi="Không xác định được bảng mã của tệp. Hãy chọn bảng mã (windows-1258, tcvn3 hoặc vni), "
            "hoặc lưu lại từ Excel dạng .xlsx hay «CSV UTF-8».",
            en="The encoding of the file is not clear. Choose it (windows-1258, tcvn3 or vni), "
            "or save the file from Excel as .xlsx or “CSV UTF-8”.",
        )
    confidence = min(shares[best], MOST_OF_A_GUESS)
    if best == "windows-1258":
        return Encoding(best, "cp1258", _composed, confidence)
    return Encoding(best, "latin-1", _after_windows_signs(FONTS[best]), confidence)


def _as_windows_1258(word: str) -> str:
    return _composed(word.encode("latin-1").decode("cp1258"))


def _unicode_as_windows_1258(word: str) -> str:
    return _composed(word.encode().decode("cp1258", errors="replace"))


def _composed(text: str) -> str:
    """Windows-1258 writes a tone after its vowel, as a mark of its own."""
    return unicodedata.normalize("NFC", text)


def _after_windows_signs(convert: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: convert(text.translate(_WINDOWS_SIGNS))


_OLD: dict[str, Callable[[str], str]] = FONTS | {"windows-1258": _unicode_as_windows_1258}
"""What was written before Unicode, and what each makes of a word that is Unicode."""


@dataclass(frozen=True, slots=True)
class _DecodingError:
    line: int
    nearly_right: bool
    """Whether nearly all letters around the error decode well: a damaged file, not another encoding."""


def _first_error(source: bytes | Path, codec: str) -> _DecodingError | None:
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    with open_source(source) as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                bad_line = line + error.object[: error.start].count(b"\n")
                return _DecodingError(bad_line, _nearly_right(error.object, codec))
            except UnicodeError:  # UTF-16 without the mark that tells the order of its bytes
                return _DecodingError(line, nearly_right=False)
            if not chunk:
                return None
            line += chunk.count(b"\n")


def _nearly_right(chunk: bytes, codec: str) -> bool:
    text = chunk.decode(codec, errors="replace")
    bad = text.count("\ufffd")
    accented = sum(not letter.isascii() for letter in text)
    return accented - bad > 10 * bad


def _broken(name: str, line: int) -> Refused:
    return Refused(
        "encoding-broken",
        vi=f"Tệp là {name} nhưng bị hỏng ở khoảng dòng {line}. Hãy lưu lại tệp từ Excel dạng .xlsx.",
        en=f"The file is {name} but damaged near line {line}. Save it again from Excel as .xlsx.",
    )
