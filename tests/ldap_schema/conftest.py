"""The servers of the contract tests."""

from tests.ldap_server import ldap_directory, slapd_server

__all__ = ["ldap_directory", "slapd_server"]
