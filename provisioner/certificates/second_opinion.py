"""A second opinion on what we sign, by a linter of other hands: what pkilint finds of weight WARNING or worse.

Importing this takes more than a second, so only the audit does, when it works.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pkilint import etsi, finding_filter, loader, pkix
from pkilint.bin import lint_pkix_signer_signee_cert_chain as chaining
from pkilint.cabf import cabf_crl, smime
from pkilint.cabf.smime.smime_constants import Generation, ValidationLevel
from pkilint.etsi.etsi_constants import CertificateType
from pkilint.pkix import certificate, crl, extension, name
from pkilint.pkix import ocsp as pkix_ocsp
from pkilint.validation import ValidationFindingSeverity

LEVELS = {
    "person-mail": (ValidationLevel.SPONSORED, Generation.MULTIPURPOSE),
    "person-mail-strict": (ValidationLevel.SPONSORED, Generation.STRICT),
    "organization-mail": (ValidationLevel.ORGANIZATION, Generation.MULTIPURPOSE),
    "organization-mail-strict": (ValidationLevel.ORGANIZATION, Generation.STRICT),
}


POLICIES = {
    "2.23.140.1.5.2.2": LEVELS["organization-mail"],
    "2.23.140.1.5.2.3": LEVELS["organization-mail-strict"],
    "2.23.140.1.5.3.2": LEVELS["person-mail"],
    "2.23.140.1.5.3.3": LEVELS["person-mail-strict"],
}
"""What the reserved policies of the S/MIME Baseline Requirements (7.1.6.1) promise."""

DOCUMENT_POLICIES = {"0.4.0.2042.1.1", "0.4.0.2042.1.2"}
"""NCP and NCP+ (EN 319 411-1, 5.3)."""


def certificate_findings(subject: x509.Certificate, issuer: x509.Certificate | None) -> list[str]:
    """What the rules say that the certificate's own policies promise, or RFC 5280 alone; and whether the chain fits."""
    found = [] if issuer is None else chain_findings(subject, issuer)
    policies = _policies(subject)
    if level := next((POLICIES[policy] for policy in sorted(policies & POLICIES.keys())), None):
        return [*found, *_bad(_smime(*level).validate(_load(subject).root))]
    if policies & DOCUMENT_POLICIES:
        is_person = bool(subject.subject.get_attributes_for_oid(x509.NameOID.GIVEN_NAME))
        is_person |= bool(subject.subject.get_attributes_for_oid(x509.NameOID.SURNAME))
        return [*found, *etsi_findings(subject, legal_person=not is_person)]
    return [*found, *pkix_findings(subject)]


def list_findings(subject: x509.CertificateRevocationList, *, of_root: bool) -> list[str]:
    """RFC 5280, and for a full list without a hold the Baseline Requirements, which know neither deltas nor holds."""
    is_delta = any(isinstance(e.value, x509.DeltaCRLIndicator) for e in subject.extensions)
    has_hold = any(
        isinstance(e.value, x509.CRLReason) and e.value.reason is x509.ReasonFlags.certificate_hold
        for entry in subject
        for e in entry.extensions
    )
    return crl_findings(subject, "ARL" if of_root else "CRL", baseline=not (is_delta or has_hold))


def _policies(subject: x509.Certificate) -> set[str]:
    values = [extension.value for extension in subject.extensions]
    if any(isinstance(value, x509.BasicConstraints) and value.ca for value in values):
        return set()  # an authority names what it may issue, and promises nothing about itself by it
    found = [value for value in values if isinstance(value, x509.CertificatePolicies)]
    return {policy.policy_identifier.dotted_string for policies in found for policy in policies}


def pkix_findings(subject: x509.Certificate) -> list[str]:
    """RFC 5280 alone."""
    return _bad(_pkix().validate(_load(subject).root))


def smime_findings(subject: x509.Certificate, profile: str) -> list[str]:
    """The S/MIME Baseline Requirements for the level and generation of the profile."""
    return _bad(_smime(*LEVELS[profile]).validate(_load(subject).root))


def etsi_findings(subject: x509.Certificate, *, legal_person: bool = False) -> list[str]:
    """EN 319 412-2, natural persons, or EN 319 412-3, legal persons."""
    kind = (
        CertificateType.NCP_LEGAL_PERSON_CERTIFICATE
        if legal_person
        else CertificateType.NCP_NATURAL_PERSON_CERTIFICATE
    )
    results = _etsi(kind).validate(_load(subject).root)
    return _bad(finding_filter.filter_results(etsi.create_etsi_finding_filters(kind), results)[0])


def chain_findings(subject: x509.Certificate, issuer: x509.Certificate) -> list[str]:
    """Whether names, key identifiers, policies and the signature of the two fit together."""
    documents: dict[str, Any] = {}
    for role, one in (("issuer", issuer), ("subject", subject)):
        documents[role] = loader.RFC5280CertificateDocumentLoader().load_der_document(
            one.public_bytes(Encoding.DER), role, role, documents
        )
    decoding = chaining.create_decoder_validation_container()
    results = [result for document in documents.values() for result in decoding.validate(document.root)]
    results += chaining.create_issuer_validation_container().validate(documents["issuer"].root)
    results += chaining.create_subject_validation_container().validate(documents["subject"].root)
    return _bad(results)


def crl_findings(subject: x509.CertificateRevocationList, kind: str, *, baseline: bool = True) -> list[str]:
    """RFC 5280 and, with `baseline`, the Baseline Requirements; kind is CRL or ARL."""
    document = loader.RFC5280CertificateListDocumentLoader().load_der_document(
        subject.public_bytes(Encoding.DER), kind
    )
    return _bad(_crl(kind, baseline).validate(document.root))


def ocsp_findings(subject: ocsp.OCSPResponse) -> list[str]:
    """RFC 6960 for a successful answer."""
    document = loader.RFC6960OCSPResponseDocumentLoader().load_der_document(
        subject.public_bytes(Encoding.DER), "OCSP response"
    )
    return _bad(_ocsp().validate(document.root))


def _load(subject: x509.Certificate) -> Any:
    return loader.RFC5280CertificateDocumentLoader().load_der_document(
        subject.public_bytes(Encoding.DER), "certificate"
    )


def _bad(results: Iterable[Any]) -> list[str]:
    return [
        f"{described.finding.severity.name} {described.finding.code} {described.message or ''}"
        for result in results
        for described in result.finding_descriptions
        if described.finding.severity <= ValidationFindingSeverity.WARNING
    ]


@cache
def _pkix() -> Any:
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


@cache
def _smime(level: ValidationLevel, generation: Generation) -> Any:
    return certificate.create_pkix_certificate_validator_container(
        smime.create_decoding_validators(), smime.create_subscriber_validators(level, generation)
    )


@cache
def _etsi(kind: CertificateType) -> Any:
    return certificate.create_pkix_certificate_validator_container(
        etsi.create_decoding_validators(kind), etsi.create_validators(kind)
    )


@cache
def _ocsp() -> Any:
    return pkix_ocsp.create_pkix_ocsp_response_validator_container(
        [
            pkix_ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )


@cache
def _crl(kind: str, baseline: bool) -> Any:
    list_type = crl.CertificateRevocationListType[kind]
    reasons = [cabf_crl.CabfCrlReasonCodeAllowlistValidator(list_type)] if baseline else []
    validity = [cabf_crl.create_validity_period_validator(list_type)] if baseline else []
    return crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container(validity),
            crl.create_extensions_validator_container([]),
            *reasons,
        ],
    )
