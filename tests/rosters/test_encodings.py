"""Bytes become the text that was meant, or the file is refused: never plausible rubbish."""

import unicodedata

import pytest

from provisioner.rosters.files.encodings import detect, lines
from provisioner.rosters.files.old_fonts import tcvn3, vni
from provisioner.rosters.files.problems import Refused
from provisioner.rosters.files.syllables import accented_words, vietnamese
from tests.rosters.files import in_tcvn3, in_vni, in_windows_1258

TEXT = """Mã cơ quan;Mã cán bộ;Họ và tên;Chức vụ
H36.12;1;Nguyễn Thị Ánh;Chuyên viên
H36.12;2;Đặng Văn Hùng;Phó giám đốc
H36.12;3;Trần Đình Quỳnh;Trưởng phòng
H36.12;4;H'Hen Niê;Kế toán trưởng
H36.12;5;Lê Hữu Khuê;Văn thư
"""


def decoded(content: bytes, chosen: str | None = None) -> tuple[str, str]:
    encoding = detect(content, chosen)
    return encoding.name, unicodedata.normalize("NFC", "".join(lines(content, encoding)))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (unicodedata.normalize("NFD", TEXT).encode(), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16-le"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be"),
        (in_windows_1258(TEXT), "windows-1258"),
        (in_vni(TEXT).encode("latin-1"), "vni"),
        (in_vni(TEXT).encode(), "vni"),  # typed with a VNI font, saved as UTF-8
    ],
)
def test_every_encoding_people_send_gives_the_same_text(content, name):
    assert decoded(content) == (name, TEXT)


@pytest.mark.parametrize("codec", ["latin-1", "utf-8", "utf-16"])
def test_tcvn3_gives_the_text_without_its_accented_capitals(codec):
    name, text = decoded(in_tcvn3(TEXT).encode(codec))

    assert name == "tcvn3"
    assert text.lower() == TEXT.lower()
    assert "ánh" in text


@pytest.mark.parametrize(
    "content", [in_windows_1258(TEXT), in_tcvn3(TEXT).encode("latin-1"), in_vni(TEXT).encode()]
)
def test_what_was_guessed_is_never_quite_sure(content):
    assert 0.7 <= detect(content, None).confidence < 1


def test_the_wrong_table_makes_words_that_are_no_vietnamese():
    from_vni = accented_words([in_vni(TEXT)])
    from_tcvn3 = accented_words([in_tcvn3(TEXT)])

    assert vietnamese(from_vni, vni) > 0.9
    assert vietnamese(from_vni, tcvn3) < 0.3
    assert vietnamese(from_tcvn3, tcvn3) > 0.9
    assert vietnamese(from_tcvn3, vni) < 0.3


def test_too_few_words_are_no_ground_for_a_guess():
    with pytest.raises(Refused) as refused:
        detect(in_tcvn3("Ma;Ten\n1;Nguyễn Văn An\n").encode("latin-1"), None)

    assert refused.value.refusal.code == "encoding-unclear"
    assert "tcvn3" in refused.value.refusal.text.vi


def test_another_language_is_not_taken_for_an_old_font():
    spanish = "código;señor;años;corazón;mañana;pingüino;él;órgano;ñandú;cañón\n"

    assert decoded(spanish.encode()) == ("utf-8", spanish)
    with pytest.raises(Refused):
        detect(spanish.encode("latin-1"), None)


@pytest.mark.parametrize(
    ("chosen", "content"),
    [
        ("TCVN3", in_tcvn3("Ten;nguyễn").encode("latin-1")),
        ("abc", in_tcvn3("Ten;nguyễn").encode()),
        ("VNI", in_vni("Ten;nguyễn").encode("latin-1")),
        ("vni", in_vni("Ten;nguyễn").encode("utf-16")),
        ("Windows-1258", in_windows_1258("Ten;nguyễn")),
        ("cp1258", in_windows_1258("Ten;nguyễn")),
        ("UTF-8", b"Ten;nguy\xe1\xbb\x85n"),
        ("utf-16", "Ten;nguyễn".encode("utf-16")),
    ],
)
def test_a_choice_by_hand_is_kept_to(chosen, content):
    assert decoded(content, chosen)[1] == "Ten;nguyễn"


def test_windows_signs_survive_the_old_fonts():
    assert decoded(in_tcvn3("nguyễn").encode("latin-1") + b" H\x92Hen", "tcvn3")[1] == "nguyễn H’Hen"


@pytest.mark.parametrize(
    ("chosen", "content", "code"),
    [
        ("klingon", b"a", "encoding-name-unknown"),
        ("utf-8", in_windows_1258(TEXT), "encoding-mismatch"),
        ("utf-16", TEXT.encode(), "encoding-mismatch"),
        ("utf-16", TEXT.encode("utf-16-le"), "encoding-mismatch"),
        ("utf-16", b"a", "encoding-mismatch"),
        (None, TEXT.encode()[:300] + b"\xff" + TEXT.encode()[300:], "encoding-broken"),
        (None, "\ufeffé".encode("utf-16-le") + b"\x00", "encoding-broken"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_remedy(chosen, content, code):
    with pytest.raises(Refused) as refused:
        detect(content, chosen)

    assert refused.value.refusal.code == code


@pytest.mark.parametrize("chosen", ["tcvn3", "vni", "windows-1258"])
@pytest.mark.parametrize("content", [TEXT.encode(), TEXT.encode("utf-16"), "1;Phòng Đà Nẵng\n".encode()])
def test_good_vietnamese_is_not_read_in_an_old_encoding(chosen, content):
    with pytest.raises(Refused) as refused:
        detect(content, chosen)

    assert refused.value.refusal.code == "encoding-mismatch"
    assert "Unicode" in refused.value.refusal.text.vi


@pytest.mark.parametrize("chosen", ["tcvn3", "vni", "windows-1258"])
def test_text_without_accents_is_the_same_in_every_encoding(chosen):
    assert decoded(b"Ten;Nguyen Van An\n", chosen) == (chosen, "Ten;Nguyen Van An\n")


def test_a_damaged_file_is_told_by_its_line():
    damaged = TEXT.encode().replace("Lê".encode(), b"L\xff")

    with pytest.raises(Refused) as refused:
        detect(damaged, None)

    assert refused.value.refusal.code == "encoding-broken"
    assert "line 6" in refused.value.refusal.text.en
