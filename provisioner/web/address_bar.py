"""What stands in the address bar: numbers of rows in bounds, and the way to the same page asked differently."""

from urllib.parse import quote, urlencode

from flask import request
from werkzeug.routing import IntegerConverter, Map


class RowNumber(IntegerConverter):
    """`<int:...>`: a number that a row may have. PostgreSQL's integers end at 2³¹ - 1, and behind them is no page."""

    def __init__(self, of: Map) -> None:
        super().__init__(of, max=2**31 - 1)


def same_page(**changes: object) -> str:
    """The address of this page with some of its question changed.

    Not by `url_for`, which takes some names for orders of its own (`endpoint`, `_scheme`): anybody may write them there.
    """
    asked = {**request.args.to_dict(flat=False), **changes}
    return f"{quote(request.root_path + request.path)}?{urlencode(asked, doseq=True)}"
