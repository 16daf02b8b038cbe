"""Runs the dashboard: `python -m soc_dashboard`."""

from __future__ import annotations

import uvicorn

from soc_dashboard.app import create_app
from soc_dashboard.settings import Settings


def main() -> None:
    """Serve until interrupted."""
    settings = Settings()
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
