"""How gunicorn serves the site (`--config python:jobs.web`): at the address of `[web]`, with no socket to control it by."""

import sys

from provisioner.errors import ProvisionerError
from provisioner.settings import Settings

try:
    _web = Settings.load().web
except ProvisionerError as error:
    sys.exit(str(error))

bind = f"{_web.host}:{_web.port}"
control_socket_disable = True
