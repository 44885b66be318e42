from tests.web.site import province, site

__all__ = ["province", "site"]
