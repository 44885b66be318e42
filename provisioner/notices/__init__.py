"""Notices: what people are told by mail. Rows in the books first, letters afterwards, each sent once."""
