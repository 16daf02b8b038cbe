"""Pages of this package from the files of `html/`; every value in them is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("soc_dashboard.access", "html"), autoescape=True, undefined=StrictUndefined
    )


def page(file_name: str, status: int = 200, /, **values: object) -> HTMLResponse:
    """The response with `html/<file_name>`."""
    return HTMLResponse(_environment().get_template(file_name).render(**values), status)
