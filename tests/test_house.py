"""House law: what a reader of this code may rely on without looking, checked on every file."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("provisioner", "ca", "ldap_schema", "jobs")
LONGEST = 350

Breaches = Iterator[tuple[int, str]]
Law = Callable[[str, str, ast.Module], Breaches]
"""Takes a file's path in the tree, its text and its syntax tree; gives the line and nature of each breach."""


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call of a method or function, with its last name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, node.func.id


def edges_commit_and_others_say_why(path: str, text: str, tree: ast.Module) -> Breaches:
    """Changes run inside the edge's transaction: a commit or flush elsewhere has its reason on the line."""
    if path == "provisioner/db.py" or not path.startswith(("provisioner/", "jobs/")):
        return
    lines = text.splitlines()
    for call, name in calls(tree):
        receiver = ast.unparse(call.func).rpartition(".")[0]
        if (
            name in {"commit", "flush"}
            and re.search("session|connection|transaction", receiver)
            and "  # " not in lines[call.lineno - 1]
        ):
            yield call.lineno, f"{name}() without a reason"


def moments_have_a_time_zone(path: str, text: str, tree: ast.Module) -> Breaches:
    """A moment without a zone is an hour that nobody can place."""
    fewest_arguments = {"now": 1, "fromtimestamp": 2}
    for call, name in calls(tree):
        zoneless = {"utcnow", "utcfromtimestamp", "today"} | {
            method
            for method, fewest in fewest_arguments.items()
            if len(call.args) + len(call.keywords) < fewest
        }
        if name in zoneless and re.search(r"\b(date|datetime)\.\w+$", ast.unparse(call.func)):
            yield call.lineno, f"{name}() without a time zone"


def days_are_those_of_vietnam(path: str, text: str, tree: ast.Module) -> Breaches:
    """`days.day_of` says on which day a moment falls; where there is no moment, the line says what else it is."""
    if path == "provisioner/days.py" or not path.startswith(("provisioner/", "jobs/")):
        return
    lines = text.splitlines()
    for call, name in calls(tree):
        if (
            name == "date"
            and isinstance(call.func, ast.Attribute)
            and not call.args
            and "  # " not in lines[(call.end_lineno or call.lineno) - 1]
        ):
            yield call.lineno, "date() of what may be a moment, and that of another zone"


def files_hold_one_idea(path: str, text: str, tree: ast.Module) -> Breaches:
    """Migrations are written once and not read again; everything else fits in the head."""
    lines = text.count("\n")
    if lines > LONGEST and "/migrations/" not in path:
        yield lines, f"{lines} lines, more than {LONGEST}"


def modules_are_named_for_what_they_do(path: str, text: str, tree: ast.Module) -> Breaches:
    if set(Path(path).with_suffix("").parts) & {
        "utils",
        "util",
        "helpers",
        "common",
        "manager",
        "base",
        "misc",
    }:
        yield 1, "a name that says nothing"


_FILTER = re.compile(r"\s*\(.*[A-Za-z0-9][~<>]?=(%s|%\(|\{).*\)", re.DOTALL)
_PUT_TOGETHER = re.compile(r"\s*\((.*=)?\{.*\)", re.DOTALL)


def _added(node: ast.expr) -> str:
    """What a sum of texts looks like, with `{` for what is not known."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _added(node.left) + _added(node.right)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{"


def ldap_filters_are_built_in_one_place(path: str, text: str, tree: ast.Module) -> Breaches:
    """Whoever formats a filter has to escape it (RFC 4515, section 3): only adapters/ldap.py, and lists' membership."""
    if path in {"provisioner/adapters/ldap.py", "ldap_schema/membership.py"}:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{" for part in node.values]
            if _FILTER.fullmatch("".join(parts)):
                yield node.lineno, "a formatted LDAP filter"
        elif isinstance(node, ast.BinOp) and _PUT_TOGETHER.fullmatch(_added(node)):
            yield node.lineno, "an LDAP filter put together"
        elif isinstance(node, ast.Constant) and _FILTER.fullmatch(str(node.value)):
            yield node.lineno, "a template of an LDAP filter"


def nothing_is_unpickled(path: str, text: str, tree: ast.Module) -> Breaches:
    """Reading a pickle runs what it says; RQ's default does so with whatever Redis holds."""
    unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported = {node.module or ""}
        else:
            imported = set()
        if imported & unsafe:
            yield getattr(node, "lineno", 1), "imports a pickler"
        if isinstance(node, ast.keyword) and (node.arg, ast.unparse(node.value)) == (
            "serializer",
            "'pickle'",
        ):
            yield node.lineno, "asks for pickle"


def servers_are_verified(path: str, text: str, tree: ast.Module) -> Breaches:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "verify" and ast.unparse(node.value) == "False":
            yield node.lineno, "verify=False"
        elif (isinstance(node, ast.Attribute) and node.attr == "CERT_NONE") or (
            isinstance(node, ast.Name) and node.id == "CERT_NONE"
        ):
            yield node.lineno, "CERT_NONE"


def downloads_are_kept_by_no_cache(path: str, text: str, tree: ast.Module) -> Breaches:
    """What is about people goes out by `answering.a_file`; Flask's own would let caches keep it."""
    if path == "provisioner/web/answering.py":
        return
    for call, name in calls(tree):
        if name in {"send_file", "send_from_directory"}:
            yield call.lineno, name


LAWS: dict[Law, tuple[str, str]] = {
    edges_commit_and_others_say_why: ("jobs/tasks.py", "session.commit()"),
    moments_have_a_time_zone: ("ca/crl.py", "now = datetime.now()"),
    days_are_those_of_vietnam: ("provisioner/web/coverage.py", "today = services().clock().date()"),
    files_hold_one_idea: ("jobs/clock.py", "x = 1\n" * 351),
    modules_are_named_for_what_they_do: ("provisioner/utils/names.py", ""),
    ldap_filters_are_built_in_one_place: ("provisioner/web/search.py", "query = f'(&(uid={name})(sn=*))'"),
    nothing_is_unpickled: ("jobs/worker.py", "from pickle import loads"),
    servers_are_verified: ("provisioner/adapters/mail.py", "context.verify_mode = ssl.CERT_NONE"),
    downloads_are_kept_by_no_cache: ("provisioner/web/slips.py", "return send_file(slips)"),
}
"""Every law with a file that breaks it."""

BREACHES = [
    *((law, path, text) for law, (path, text) in LAWS.items()),
    (edges_commit_and_others_say_why, "provisioner/people/models.py", "session.flush()"),
    (moments_have_a_time_zone, "provisioner/audit.py", "x = datetime.datetime.utcnow()"),
    (moments_have_a_time_zone, "provisioner/audit.py", "x = date.today()"),
    (moments_have_a_time_zone, "provisioner/audit.py", "x = datetime.fromtimestamp(0)"),
    (days_are_those_of_vietnam, "provisioner/noticing.py", "today = now.astimezone(VIETNAM).date()"),
    (ldap_filters_are_built_in_one_place, "provisioner/cli.py", "query = '(mail=%s)' % mail"),
    (ldap_filters_are_built_in_one_place, "provisioner/cli.py", "query = '(mail={})'.format(mail)"),
    (ldap_filters_are_built_in_one_place, "provisioner/cli.py", "query = '(mail=' + mail + ')'"),
    (ldap_filters_are_built_in_one_place, "provisioner/cli.py", "query = '(' + wanted + ')'"),
    (nothing_is_unpickled, "jobs/worker.py", "Queue(serializer='pickle')"),
    (servers_are_verified, "jobs/worker.py", "get(url, verify=False)"),
]

KEPT = [
    (
        edges_commit_and_others_say_why,
        "provisioner/people/models.py",
        "session.flush()  # the id is needed below",
    ),
    (moments_have_a_time_zone, "provisioner/audit.py", "x = datetime.now(UTC)"),
    (moments_have_a_time_zone, "provisioner/audit.py", "x = datetime.fromtimestamp(0, UTC)"),
    (days_are_those_of_vietnam, "provisioner/cli/coverage.py", "day = as_of.date()  # typed without a zone"),
    (days_are_those_of_vietnam, "provisioner/coverage/asking.py", "last = func.date(column)"),
    (files_hold_one_idea, "jobs/clock.py", "x = 1\n" * 350),
    (ldap_filters_are_built_in_one_place, "provisioner/cli.py", "print(f'{count} entries (of {total})')"),
]


def check(law: Law, path: str, text: str) -> list[str]:
    return [f"{path}:{line}: {nature}" for line, nature in law(path, text, ast.parse(text))]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_product_keeps_the_law(law: Law) -> None:
    files = [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]
    assert files

    breaches = [
        breach
        for path in files
        for breach in check(law, path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]

    assert breaches == []


@pytest.mark.parametrize(("law", "path", "text"), BREACHES)
def test_a_breach_is_found(law: Law, path: str, text: str) -> None:
    assert len(check(law, path, text)) == 1


@pytest.mark.parametrize(("law", "path", "text"), KEPT)
def test_what_the_law_allows_is_let_be(law: Law, path: str, text: str) -> None:
    assert check(law, path, text) == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
    texts = {".py", ".md", ".toml", ".ldif", ".html", ".css", ".js", ".sh", ".txt", ".ini"}
    folders = [*PRODUCT, "tests", "config", ".ci"]
    files = [*ROOT.iterdir(), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]

    found = [
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.is_file() and path.suffix in texts and later.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_the_pinned_requirements_have_hashes_and_name_no_index() -> None:
    for path in sorted(ROOT.glob("requirements*.txt")):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        pins = [line for line in text.splitlines() if line and not line.startswith("#")]

        assert pins
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins), path.name
        assert "://" not in text, path.name
