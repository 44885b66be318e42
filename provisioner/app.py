"""The web process: `gunicorn 'provisioner.app:create_app()'`. It never holds the authority's key."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.web import (
    account,
    activation,
    agencies,
    approvals,
    audit,
    certificates,
    coverage,
    coverage_files,
    coverage_names,
    health,
    links,
    mailboxes,
    ocsp,
    operators,
    owner,
    owner_keys,
    people,
    pki,
    requests,
    revocations,
    rosters,
    rosters_results,
    sign_on,
    signing_in,
    slips,
    system,
    usage,
)
from provisioner.web.address_bar import RowNumber
from provisioner.web.frame import frame
from provisioner.web.policies import open_room


def create_app(services: Services | None = None) -> Flask:
    """Build the application: services, pages, what is open to everybody, and the frame around it all.

    Raises `Misconfigured` for a setting that cannot be used.
    """
    app = Flask("provisioner.web")
    app.extensions["provisioner"] = held = (services or Services(Settings.load())).checked()
    app.url_map.converters["int"] = RowNumber
    for room in (
        health,
        signing_in,
        sign_on,
        links,
        account,
        operators,
        activation,
        owner,
        owner_keys,
        coverage,
        coverage_names,
        coverage_files,
        requests,
        rosters,
        rosters_results,
        approvals,
        people,
        mailboxes,
        slips,
        usage,
        certificates,
        revocations,
        agencies,
        pki,
        audit,
        system,
    ):
        app.register_blueprint(room.pages)
    open_room(app, "pki", "certificates and revocation lists are for whoever verifies a signature")
    frame(app)
    # Declared as a method, and meant to be wrapped (Flask quickstart, "Hooking in WSGI Middleware").
    proxies = held.settings.web.trusted_proxies
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.wsgi_app = ocsp.in_front_of(app.wsgi_app, lambda: held.ocsp, held.clock)  # type: ignore[assignment]
    return app
