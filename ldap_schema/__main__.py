"""Print the directory's files for a server of one's own.

    ldapadd -H ldapi:/// -Y EXTERNAL -f /etc/ldap/schema/dyngroup.ldif
    python -m ldap_schema --suffix dc=lamdong,dc=gov,dc=vn congvu  | ldapadd    -H ldapi:/// -Y EXTERNAL
    python -m ldap_schema --suffix dc=lamdong,dc=gov,dc=vn modules | ldapmodify -H ldapi:/// -Y EXTERNAL
    python -m ldap_schema --suffix dc=lamdong,dc=gov,dc=vn server  | ldapmodify -H ldapi:/// -Y EXTERNAL
    python -m ldap_schema --suffix dc=lamdong,dc=gov,dc=vn acl     | ldapmodify -H ldapi:/// -Y EXTERNAL
    python -m ldap_schema --suffix dc=lamdong,dc=gov,dc=vn indexes | ldapmodify -H ldapi:/// -Y EXTERNAL
    python -m ldap_schema --suffix dc=lamdong,dc=gov,dc=vn dit     | ldapadd    -D cn=admin,... -W

In this order, into a server as the distribution makes it. `acl` and `indexes` replace what the database had and may be
loaded again; look at both before. `modules` and `server` are loaded once.
"""

import argparse
import sys

from ldap_schema.dit import Dit
from ldap_schema.files import DATABASE, NAMES, ldif


def main() -> None:
    """Print one of the files as LDIF."""
    parser = argparse.ArgumentParser(
        prog="python -m ldap_schema",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--suffix", required=True, type=Dit)
    parser.add_argument("--database", default=DATABASE, help="the entry of the database in cn=config")
    given = parser.parse_args()
    sys.stdout.write(ldif(given.name, given.suffix, database=given.database))


if __name__ == "__main__":
    main()
