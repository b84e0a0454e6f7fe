"""Links that open the Neo4j Browser at an account or a ring, through ``guides/open.html``. Nothing asks Neo4j for them."""

from __future__ import annotations

from urllib.parse import quote


class BrowserLinks:
    """Links into the Browser at an address that ends in a slash; each is ``None`` when there is no address."""

    def __init__(self, browser_url: str | None) -> None:
        self._page = f"{browser_url}guides/open.html?" if browser_url else None

    def account(self, account_id: str) -> str | None:
        """Which ring the account is in, and why."""
        return f"{self._page}account={quote(account_id, safe='')}" if self._page else None

    def ring(self, ring_id: str) -> str | None:
        """Who is in the ring, and why."""
        return f"{self._page}ring={quote(ring_id, safe='')}" if self._page else None

    def retired_ring(self, ring_id: str) -> str | None:
        """What became of the ring: nobody is in it."""
        return f"{self._page}question=ring_history&ringId={quote(ring_id, safe='')}" if self._page else None
