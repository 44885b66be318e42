"""Five provinces as the newspapers reported them: small books whose coverage prints the published line.

Only the published figures are given; how they divide over agencies is made up so that they add up.
"""

from datetime import UTC, datetime

from tests.coverage.books import Books


def vinh_phuc() -> Books:
    """December 2016: about 7,900 mailboxes handed over, 100 % of agencies and of cadres and civil servants.

    Thirty-five agencies sign; public employees are not part of the figure and have no mailboxes.
    """
    books = Books(at=datetime(2016, 12, 15, tzinfo=UTC))
    units = 0
    for bloc, number in (("dang", 40), ("ddbqh", 1), ("hdnd", 10), ("nha_nuoc", 220), ("doan_the", 29)):
        for index in range(number):
            signs = bloc == "nha_nuoc" and index < 35
            agency = books.agency(f"H62.{bloc.upper()[:2]}{index}", bloc=bloc, certificates=int(signs))
            units += 1
            number_of_staff = 25 + (units <= 100)
            books.people(agency, number_of_staff, category=("can_bo", "cong_chuc")[index % 2], handed_over=99)
            books.people(agency, 3, category="vien_chuc", mailboxes=0)
    for mailbox in books.unit_mailboxes():
        mailbox["handed_over_at"] = books.at
    return books


def lam_dong() -> Books:
    """31 October 2017: 6,041 accounts of all five blocs and three levels.

    All Party and state agencies of province and district have a mailbox; nine of twelve districts
    have rolled out to all their communes, a tenth to some.
    """
    books = Books(at=datetime(2017, 10, 31, tzinfo=UTC))
    top = {
        bloc: books.agency(f"H36.{code}", bloc=bloc)
        for code, bloc in (
            ("60", "dang"),
            ("61", "ddbqh"),
            ("62", "hdnd"),
            ("1", "nha_nuoc"),
            ("70", "doan_the"),
        )
    }
    for index in range(24):
        books.agency(f"H36.1.S{index}", parent=top["nha_nuoc"])
    for index in range(12):
        code = f"H36.1.H{index}"
        district = books.agency(code, level="huyen", parent=top["nha_nuoc"])
        books.agency(f"H36.60.H{index}", bloc="dang", level="huyen", parent=top["dang"])
        books.agency(f"H36.70.H{index}", bloc="doan_the", level="huyen", parent=top["doan_the"], mailboxes=0)
        for number in range(13 if index < 3 else 12):
            reached = index < 9 or (index == 9 and number < 5)
            books.agency(f"{code}.X{number}", level="xa", parent=district, mailboxes=int(reached))
    accounts = len(books.unit_mailboxes())
    books.people(top["nha_nuoc"], 6041 - accounts)
    return books


def lao_cai() -> Books:
    """End of 2015: 6,013 mailboxes, 97 % of those entitled; 75 % of cadres and employees use theirs."""
    books = Books(at=datetime(2015, 12, 31, tzinfo=UTC))
    for index in range(213):
        holders, missing, users = _share(5800, 213, index), _share(186, 213, index), _share(4350, 213, index)
        agency = books.agency(f"H38.{index}", declared={"cong_chuc": 10, "vien_chuc": holders + missing - 10})
        books.people(agency, 10, category="cong_chuc", used=10)
        books.people(agency, holders - 10, category="vien_chuc", used=users - 10)
    return books


def binh_dinh() -> Books:
    """About 2019: 372 certificates, 276 personal and 96 of organisations; all leaders can sign.

    The figure is of the Party and the mass organisations: the state agencies' are not among them.
    """
    books = Books(at=datetime(2019, 6, 30, tzinfo=UTC))
    for index in range(96):
        bloc = "dang" if index < 73 else "doan_the"
        agency = books.agency(f"H08.{index}", bloc=bloc, certificates=1)
        signing = _share(276, 96, index)
        books.people(agency, 8, category="can_bo", leaders=2, certificates=signing)
    for index in range(40):
        agency = books.agency(f"H08.9.{index}", certificates=index % 2)
        books.people(agency, 10, leaders=2, certificates=1)
    return books


def vinh_yen() -> Books:
    """15 March 2019: everybody in the city's offices and its communes uses the mailbox; others do not yet."""
    books = Books(at=datetime(2019, 3, 15, tzinfo=UTC))
    province = books.agency("H62")
    for district, (rooms, communes, used) in {"H62.31": (12, 9, 100), "H62.32": (11, 13, 60)}.items():
        top = books.agency(district, level="huyen", parent=province)
        for index in range(rooms):
            room = books.agency(
                f"{district}.P{index}", level="huyen", parent=top, seal=False, entitled=False, mailboxes=0
            )
            books.people(room, 10, used=used // 10)
        for index in range(communes):
            commune = books.agency(f"{district}.X{index}", level="xa", parent=top)
            books.people(commune, 20, used=used // 5)
    return books


def _share(whole: int, parts: int, index: int) -> int:
    """The part of a whole number that falls to one of so many, so that all together make the whole."""
    return whole * (index + 1) // parts - whole * index // parts
