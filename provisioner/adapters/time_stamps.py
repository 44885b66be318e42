"""The time-stamps of somebody else's authority (RFC 3161), and the lists that prove its certificate."""

import asyncio
from typing import Any, Final

import requests
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper

from provisioner.errors import Text, Unavailable

_SECONDS: Final = 30
"""How long the authority, and whoever publishes its lists, may take."""

_LARGEST_LIST: Final = 20_000_000
"""Bytes. A list of a hundred thousand certificates has a quarter of that."""


def stamper_at(url: str) -> TimeStamper:
    """The time-stamping authority that answers at this address."""
    return RequestsHTTPTimeStamper(url, timeout=_SECONDS)  # type: ignore[no-untyped-call]


def lists_of(stamper: TimeStamper) -> tuple[bytes, ...]:
    """The revocation lists (DER) that the certificates of this authority name, fetched now.

    Raises `Unavailable` when the authority or whoever publishes a list does not answer.
    """
    try:
        asyncio.run(stamper.async_dummy_response("sha384"))
        return tuple(map(_fetched, sorted(_addresses(stamper))))
    except (TimestampRequestError, OSError) as error:  # requests raises an OSError, whatever went wrong
        raise Unavailable(
            Text(
                vi=f"Máy chủ cấp dấu thời gian không trả lời: {error}",
                en=f"The time-stamping authority does not answer: {error}",
            ),
            code="no-time-stamp",
        ) from error


def _addresses(stamper: TimeStamper) -> set[str]:
    certificates: list[Any] = list(stamper.cert_registry)
    return {
        point.url
        for certificate in certificates
        for point in certificate.crl_distribution_points
        if point.url
    }


def _fetched(address: str) -> bytes:
    with requests.get(address, timeout=_SECONDS, stream=True) as answer:
        answer.raise_for_status()
        content: bytes = answer.raw.read(_LARGEST_LIST + 1, decode_content=True)
    if len(content) > _LARGEST_LIST:
        raise OSError(f"the list at {address} is too large")
    return content
