"""Who is left in an agency that closes is told of, until nobody is."""

from datetime import timedelta

from provisioner.db import Database
from provisioner.people.left_behind import LeftBehind, left_behind
from tests.books import TODAY
from tests.province import SCIENCE, a_province, an_official, apply, import_list, planned, provide


def behind(database: Database) -> list[LeftBehind]:
    with database.reading() as session:
        return list(left_behind(session))


def test_an_agency_with_a_last_day_and_people_in_post_is_named(database: Database) -> None:
    provide(
        a_province(database),
        an_official("CB1"),
        an_official("CB2", "Lê Văn Bình"),
        an_official("CB3", "Đỗ Văn Tám", ma_co_quan="H36.06"),
    )
    assert behind(database) == []

    last_day = TODAY + timedelta(days=30)
    import_list(database, SCIENCE | {"hieu_luc_den": last_day.isoformat()})
    assert behind(database) == [LeftBehind("H36.05", "Sở Khoa học và Công nghệ", last_day, 2)]

    apply(database, planned(database, an_official("CB1", ma_co_quan="H36.06")))
    apply(database, planned(database, an_official("CB2", "Lê Văn Bình", nghi_tu=f"{TODAY:%d/%m/%Y}")))
    assert behind(database) == []
