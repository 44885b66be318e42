"""Signing with a key in a hardware module, SoftHSM here, beside the same with a key in a file."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from ca.authority import Authority
from ca.ceremony import hold
from ca.filestore import FileKeyStore
from ca.hsm import Pkcs11KeyStore
from ca.keys import KeyStore
from provisioner.private.process import find_program
from tests.benchmarks.results import Result, median, ratio
from tests.ca.test_hsm import module_path
from tests.ca.test_speed import roster
from tests.ca.world import NOW, a_plan, profiles

PROFILE: Final = "person-mail"


def measure(folder: Path, *, number: int = 400, rounds: int = 5) -> list[Result]:
    """Certificates a second with lint and self-check, P-384 authorities, each key in turns with the other."""
    (folder / "tokens").mkdir(parents=True)
    people = [one for _ in range(number // 200 + 1) for one in roster()][:number]
    authorities = {"a module": _authority(_token(folder)), "a file": _authority(_files(folder))}
    taken: dict[str, list[float]] = {name: [] for name in authorities}
    for turn in range(rounds):
        for name, authority in list(authorities.items())[:: -1 if turn % 2 else 1]:
            began = time.process_time()
            for person, public_key in people:
                authority.sign(authority.prepare(profiles()[PROFILE], person, public_key, now=NOW))
            taken[name].append((time.process_time() - began) / number)
            print(f"  round {turn + 1}, {name}: {1 / taken[name][-1]:,.0f}/s", file=sys.stderr)
    return [
        median(
            f"certificates with a P-384 key in {name}, with lint and self-check, a second of one core",
            [1 / seconds for seconds in runs],
            "1/s",
            note=f"processor time; {number:,} certificates a run",
        )
        for name, runs in taken.items()
    ] + [ratio("a key in SoftHSM by the same in a file", taken["a module"], taken["a file"])]


def _authority(store: KeyStore) -> Authority:
    return hold(a_plan(), store, profiles=profiles(), now=NOW).authority("mail", store)


def _files(folder: Path) -> FileKeyStore:
    return FileKeyStore(folder / "keys", secrets.token_bytes(16))


def _token(folder: Path) -> Pkcs11KeyStore:
    """A token of its own in this folder."""
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)  # read when the module is loaded
    label, pin = "bench", secrets.token_hex(4)
    program = find_program("softhsm2-util", package="softhsm2")
    subprocess.run(
        [program, "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", secrets.token_hex(4)],
        check=True,
        capture_output=True,
    )
    return Pkcs11KeyStore(module_path(), label, pin)
