"""Settings of signing in with an OpenID provider; off unless an issuer is named."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soc_dashboard.access.roles import Role


class OidcSettings(BaseSettings):
    """Every field is `JA4_DASHBOARD_OIDC_<NAME>`; lists are JSON."""

    model_config = SettingsConfigDict(env_prefix="JA4_DASHBOARD_OIDC_", extra="ignore")

    issuer: str = ""
    """Address of the provider, below which `/.well-known/openid-configuration` is; empty switches it off."""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    """Empty for a public client: PKCE is used in any case."""
    name: str = "your organisation"
    """What the sign-in button calls the provider."""
    scopes: str = "openid profile email"
    name_claim: str = "preferred_username"
    """Claim with the user's name here; it has to be one that users cannot choose at will."""
    groups_claim: str = "groups"
    viewer_groups: list[str] = Field(default_factory=list)
    analyst_groups: list[str] = Field(default_factory=list)
    admin_groups: list[str] = Field(default_factory=list)

    @property
    def is_on(self) -> bool:
        """A provider was named."""
        return bool(self.issuer)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.is_on:
            return self
        is_loopback = self.issuer.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:"))
        if not self.issuer.startswith("https://") and not is_loopback:
            raise ValueError(f"the issuer {self.issuer!r} has to be an https address")
        if not self.client_id:
            raise ValueError("an issuer without a client: set JA4_DASHBOARD_OIDC_CLIENT_ID")
        if not (self.viewer_groups or self.analyst_groups or self.admin_groups):
            raise ValueError(
                "nobody could sign in: set JA4_DASHBOARD_OIDC_VIEWER_GROUPS or those of another role"
            )
        return self

    def maybe_role(self, groups: list[str]) -> Role | None:
        """The highest role that one of the groups gives; None without any."""
        for role, wanted in (
            (Role.ADMIN, self.admin_groups),
            (Role.ANALYST, self.analyst_groups),
            (Role.VIEWER, self.viewer_groups),
        ):
            if set(wanted) & set(groups):
                return role
        return None
