"""What every test gets: the guards, and real servers on request."""

from hypothesis import HealthCheck, settings

from tests.books import database, database_url, postgres_books, rings, sqlite_template
from tests.guards import no_process_is_left_behind, pytest_addoption, pytest_collection_modifyitems
from tests.ldap_server import ldap_directory, slapd_server
from tests.servers import postgres_database, postgres_server, redis_server, redis_url, server_folder

__all__ = [
    "database",
    "database_url",
    "ldap_directory",
    "no_process_is_left_behind",
    "postgres_books",
    "postgres_database",
    "postgres_server",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "redis_server",
    "redis_url",
    "rings",
    "server_folder",
    "slapd_server",
    "sqlite_template",
]

# A busy machine is no finding, and two runs of one commit look at the same examples.
settings.register_profile(
    "here", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("here")
