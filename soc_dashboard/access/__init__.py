"""Login, roles and tokens: nothing of the dashboard is served before this package knows who asks.

Pages use `current_user()` (name and role) and `require()`; the rest is for `app`.
"""

from soc_dashboard.access.identity import ForbiddenError, acting_as, current_user, require
from soc_dashboard.access.roles import Role, Scope, User

__all__ = ["ForbiddenError", "Role", "Scope", "User", "acting_as", "current_user", "require"]
