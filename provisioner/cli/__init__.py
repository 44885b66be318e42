"""The command line: `provisioner`. It translates only; what is decided is decided below."""

from provisioner.cli.main import main

__all__ = ["main"]
