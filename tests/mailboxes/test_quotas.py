import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Invalid
from provisioner.mailboxes.quotas import LARGEST, SMALLEST, check_quota, format_quota, parse_quota

GB, MB = 1024**3, 1024**2


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("4GB", 4 * GB),
        ("4 Gb", 4 * GB),
        ("10G", 10 * GB),
        ("  4\u00a0GiB ", 4 * GB),
        ("500 MB", 500 * MB),
        ("1,5 GB", 3 * GB // 2),
        ("1.5 GB", 3 * GB // 2),
        ("2.048 MB", 2 * GB),
        ("1TB", 1024 * GB),
        ("4294967296 bytes", 4 * GB),
        ("2097152B", 2 * MB),
    ],
)
def test_a_quota_is_read_as_people_write_it(written, size):
    assert parse_quota(written) == size


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (None, "quota-absent"),
        ("  ", "quota-absent"),
        ("0", "quota-zero"),
        ("0GB", "quota-zero"),
        ("-4GB", "quota-negative"),
        ("-1", "quota-unlimited"),
        ("không giới hạn", "quota-unlimited"),
        ("Unlimited", "quota-unlimited"),
        ("dung lượng không hạn chế", "quota-unlimited"),
        ("4", "quota-without-unit"),
        ("4294967296", "quota-without-unit"),
        ("4 bytes", "quota-too-small"),
        ("100KB", "quota-too-small"),
        ("4.000 GB", "quota-too-large"),
        ("1025GB", "quota-too-large"),
        ("four GB", "quota-malformed"),
        ("4GB 5GB", "quota-malformed"),
        ("4,0000GB", "quota-malformed"),
        ("９９９９９９９９９９９９９９９９TB", "quota-malformed"),
    ],
)
def test_what_is_no_sane_quota_is_refused_with_a_stable_code(written, code):
    with pytest.raises(Invalid) as refused:
        parse_quota(written)

    assert refused.value.code == code
    assert refused.value.text.vi != refused.value.text.en


@pytest.mark.parametrize(
    ("size", "vi", "en"),
    [
        (4 * GB, "4 GB", "4 GB"),
        (3 * GB // 2, "1,5 GB", "1.5 GB"),
        (5 * GB // 4, "1,25 GB", "1.25 GB"),
        (500 * MB, "500 MB", "500 MB"),
        (1024 * GB, "1 TB", "1 TB"),
        (4 * GB + 1, "4294967297 B", "4294967297 B"),
        (0, "0 B", "0 B"),
    ],
)
def test_a_quota_is_written_as_each_language_writes_numbers(size, vi, en):
    assert format_quota(size, "vi") == vi
    assert format_quota(size, "en") == en


@given(st.integers(SMALLEST, LARGEST), st.sampled_from(["vi", "en"]))
def test_a_written_quota_reads_back_as_the_same_bytes(size, language):
    assert check_quota(size) == size
    assert parse_quota(format_quota(size, language)) == size
