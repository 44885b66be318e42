"""The web process: `gunicorn 'provisioner.app:create_app()'`. It never holds the authority's key."""

from flask import Flask

from provisioner.errors import ProvisionerError
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.web import coverage, health, pki
from provisioner.web.answering import problem_page, protect


def create_app(services: Services | None = None) -> Flask:
    """Build the application: services, pages, answers to errors, headers."""
    app = Flask("provisioner.web")
    app.extensions["provisioner"] = services or Services(Settings.load())
    for room in (health, coverage, pki):
        app.register_blueprint(room.pages)
    app.register_error_handler(ProvisionerError, problem_page)
    app.after_request(protect)
    return app
