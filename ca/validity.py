"""From when until when: windows of whole days, in UTC and whole seconds."""

from datetime import UTC, datetime, timedelta


def whole_seconds(moment: datetime) -> datetime:
    """The moment as X.509 can write it (RFC 5280 4.1.2.5); ValueError when it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def window(now: datetime, days: int, *, latest: datetime | None = None) -> tuple[datetime, datetime]:
    """Exactly `days` days from now, both ends included, but never past `latest`."""
    start = whole_seconds(now)
    end = start + timedelta(days=days, seconds=-1)
    return start, end if latest is None else min(end, latest)
