"""What the journeys get."""

from tests.cli.console import installation, provisioner, with_slapd

__all__ = ["installation", "provisioner", "with_slapd"]
