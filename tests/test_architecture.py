"""The floors of the house: imports only go down, and every contract was seen to fail."""

import ast
import configparser
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("provisioner", "ca", "ldap_schema", "jobs")

LINT_IMPORTS = """
import sys
from importlinter.cli import lint_imports_command
sys.argv = ["lint-imports", "--no-logo", "--no-cache"]
lint_imports_command()
"""

BREACHES = {
    "Imports only go down": ("provisioner/people/models.py", "import provisioner.rosters"),
    "What faces the network cannot reach the authority's key, not even through others": (
        "provisioner/web/__init__.py",
        "import provisioner.first",
    ),
    "Foreign protocols are spoken by the adapters, the jobs and the private servers only": (
        "provisioner/agencies/codes.py",
        "import redis",
    ),
    "SQLAlchemy starts at the books": ("provisioner/errors.py", "import sqlalchemy"),
    "The authority is a library: no web, no database, no settings, no network": (
        "ca/keys.py",
        "import provisioner.secret",
    ),
    "The probe shares no code with what makes and serves lists and answers": (
        "provisioner/probing.py",
        "import ca.crl",
    ),
    "A roster file is read without a look into the books or at any plan": (
        "provisioner/rosters/files/entries.py",
        "import provisioner.rosters.models",
    ),
    "The product proper does not know that private servers exist": (
        "provisioner/adapters/ldap.py",
        "import provisioner.private.slapd",
    ),
}
"""For each contract of .importlinter, a line that breaks it and the file it is written into."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product's source and its contracts, in a place of its own."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}){LINT_IMPORTS}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def verdicts(output: str) -> dict[str, str]:
    """KEPT or BROKEN by the contract's name, which the linter wraps at the width of a terminal."""
    words = " ".join(output.split())
    return {name: words.split(name)[1].split()[0] for name in BREACHES if name in words}


def add_line(path: Path, line: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def test_the_imports_keep_every_contract() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout
    assert verdicts(result.stdout) == dict.fromkeys(BREACHES, "KEPT")


def test_every_contract_has_a_breach_that_shows_it_failing() -> None:
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / ".importlinter", encoding="utf-8")

    names = {configuration[section]["name"] for section in configuration.sections() if ":" in section}

    assert names == set(BREACHES)


@pytest.mark.parametrize("contract", BREACHES)
def test_one_forbidden_import_breaks_the_contract(copy: Path, contract: str) -> None:
    # A way from the web to the key through two modules that stand on no floor.
    add_line(copy / "provisioner/signing.py", "KEY = 1")
    add_line(copy / "provisioner/second.py", "import provisioner.signing")
    add_line(copy / "provisioner/first.py", "import provisioner.second")
    path, line = BREACHES[contract]
    add_line(copy / path, line)

    result = lint_imports(copy)

    assert result.returncode == 1, result.stdout
    assert verdicts(result.stdout)[contract] == "BROKEN", result.stdout


def test_every_room_has_a_floor() -> None:
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / ".importlinter", encoding="utf-8")
    floors = configuration["importlinter:contract:floors"]["layers"]
    rooms = {
        f"provisioner.{path.stem}"
        for path in (ROOT / "provisioner").iterdir()
        if (path.suffix == ".py" and path.stem not in {"__init__", "__main__"})
        or (path / "__init__.py").exists()
    }

    on_a_floor = {name.strip(" ()") for line in floors.split("\n") for name in line.split("|")}

    assert rooms - on_a_floor == set()


def imported_roots(package: str) -> Iterator[tuple[Path, str]]:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield path, node.module.split(".")[0]


@pytest.mark.parametrize(
    ("package", "allowed"), [("ca", {"ca", "cryptography"}), ("ldap_schema", {"ldap_schema", "cryptography"})]
)
def test_the_ground_floor_stands_on_the_standard_library_and_cryptography_alone(
    package: str, allowed: set[str]
) -> None:
    strangers = {
        (path.relative_to(ROOT).as_posix(), root)
        for path, root in imported_roots(package)
        if root not in allowed | sys.stdlib_module_names
        and (path.name, root) != ("hsm.py", "pkcs11")  # PKCS#11 keys dressed as cryptography's, there only
    }

    assert strangers == set()
