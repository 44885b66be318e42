"""The second opinion that the product asks in the background, for the tests of the library."""

from provisioner.certificates.second_opinion import (
    LEVELS,
    chain_findings,
    crl_findings,
    etsi_findings,
    ocsp_findings,
    pkix_findings,
    smime_findings,
)

__all__ = [
    "LEVELS",
    "chain_findings",
    "crl_findings",
    "etsi_findings",
    "ocsp_findings",
    "pkix_findings",
    "smime_findings",
]
