"""The cookies of the session and of the sign-in page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

LOGIN_PAGE_S = 3600
"""A sign-in page that was left open longer has to be loaded again."""


@dataclass(frozen=True, slots=True)
class Cookies:
    """Names and attributes of the cookies of one dashboard.

    Over TLS the `__Host-` prefix keeps other hosts of the domain from setting them. Without TLS, on the
    loopback, the port is part of the name, because browsers do not keep cookies of two ports apart.
    """

    is_https: bool
    port: int

    @property
    def session(self) -> str:
        """Name of the session's cookie."""
        return "__Host-ja4_session" if self.is_https else f"ja4_session_{self.port}"

    @property
    def login(self) -> str:
        """Name of the sign-in page's cookie."""
        return "__Host-ja4_login" if self.is_https else f"ja4_login_{self.port}"

    def set_session(self, response: Response, secret: str, max_age_s: int) -> None:
        """Sign the browser in.

        Lax, so that a link in a ticket leads to the page and not to the sign-in; what writes is guarded by
        form tokens besides.
        """
        self._set(response, self.session, secret, max_age_s, "lax")

    def set_login(self, response: Response, secret: str) -> None:
        """Bind a sign-in page to its browser. Lax, so that the OpenID provider can send the browser back."""
        self._set(response, self.login, secret, LOGIN_PAGE_S, "lax")

    def clear(self, response: Response) -> None:
        """Forget both."""
        for name in (self.session, self.login):
            response.delete_cookie(name, path="/", secure=self.is_https, httponly=True, samesite="lax")

    def _set(
        self, response: Response, name: str, value: str, max_age_s: int, same_site: Literal["lax", "strict"]
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age_s,
            path="/",
            secure=self.is_https,
            httponly=True,
            samesite=same_site,
        )
