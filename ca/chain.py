"""Does a certificate lead to our root? The path validation of RFC 5280 6.1 for our three levels."""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ca.errors import ChainBroken, KeyRefused, Text
from ca.extensions import values_of
from ca.issuer import Issuer, read_issuer
from ca.lint_extensions import mailboxes_in
from ca.lint_names import is_permitted, mailbox_domain
from ca.signing import algorithm_oid

_WORDS = {
    "chain.validity": ("chưa hoặc không còn hiệu lực", "is not valid at that moment"),
    "chain.key": ("có khóa không được chấp nhận", "has a key that is not acceptable"),
    "chain.shape": ("không nằm trong chuỗi ba cấp", "is not part of a chain of three levels"),
    "chain.not-authority": ("không phải của một CA", "is not an authority's"),
    "chain.algorithm": ("được ký bằng thuật toán khác", "is signed with another algorithm"),
    "chain.name": ("mang tên người cấp khác", "names another issuer"),
    "chain.signature": ("có chữ ký sai", "has a wrong signature"),
    "chain.path-length": ("là CA dưới một CA cấp phát", "is an authority below an issuing authority"),
    "chain.purpose": ("có mục đích vượt quá CA cấp phát", "has purposes that its issuer may not certify"),
    "chain.policy": ("không theo chính sách nào của CA cấp phát", "follows no policy of its issuer"),
    "chain.domain": ("có hộp thư ngoài tên miền được phép", "has a mailbox outside the permitted domains"),
}


def verify_chain(
    leaf: x509.Certificate, issuing: x509.Certificate, root: x509.Certificate, at: datetime
) -> None:
    """Raise ChainBroken unless the leaf leads to the root through the issuing authority at this moment.

    Checks validity, signatures, names, path length, purposes, policies and the permitted
    mail domains. Whether somebody was revoked is a question for the lists.
    """
    for certificate in (leaf, issuing, root):
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise _broken("chain.validity", certificate)
    subscriber, issuer, anchor = _read(leaf), _read(issuing), _read(root)
    if not anchor.is_root or issuer.is_root:
        raise _broken("chain.shape", issuing if issuer.is_root else root)
    for authority, certificate in ((anchor, root), (issuer, issuing)):
        if not authority.may_sign:
            raise _broken("chain.not-authority", certificate)
    _require_signed(root, root, anchor)
    _require_signed(issuing, root, anchor)
    _require_signed(leaf, issuing, issuer)
    _require_within(leaf, subscriber, issuer)


def _read(certificate: x509.Certificate) -> Issuer:
    try:
        return read_issuer(certificate)
    except KeyRefused as error:
        raise _broken("chain.key", certificate) from error


def _require_signed(certificate: x509.Certificate, by: x509.Certificate, issuer: Issuer) -> None:
    if certificate.signature_algorithm_oid != algorithm_oid(issuer.public_key):
        raise _broken("chain.algorithm", certificate)
    try:
        certificate.verify_directly_issued_by(by)
    except ValueError as error:
        raise _broken("chain.name", certificate) from error
    except InvalidSignature as error:
        raise _broken("chain.signature", certificate) from error


def _require_within(leaf: x509.Certificate, subscriber: Issuer, issuer: Issuer) -> None:
    if subscriber.may_sign:
        raise _broken("chain.path-length", leaf)
    if issuer.purposes is not None and not (subscriber.purposes or frozenset()) <= issuer.purposes:
        raise _broken("chain.purpose", leaf)
    if issuer.policies is not None and not (subscriber.policies or frozenset()) & issuer.policies:
        raise _broken("chain.policy", leaf)
    if issuer.mail_subtrees is not None:
        for address in mailboxes_in(values_of(leaf)):
            domain = mailbox_domain(address)
            if domain is None or not is_permitted(domain, issuer.mail_subtrees):
                raise _broken("chain.domain", leaf)


def _broken(code: str, certificate: x509.Certificate) -> ChainBroken:
    serial, (vi, en) = f"{certificate.serial_number:x}", _WORDS[code]
    return ChainBroken(code, Text(vi=f"Chứng thư {serial} {vi}.", en=f"The certificate {serial} {en}."))
