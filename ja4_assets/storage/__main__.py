"""`python -m ja4_assets.storage`: apply, undo and show the migrations."""

from __future__ import annotations

import argparse
import os
import sys

from clickhouse_connect.driver.exceptions import ClickHouseError
from sqlalchemy.exc import SQLAlchemyError

from ja4_assets.storage import migrate

URL_VARIABLE = "JA4_CLICKHOUSE_URL"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when done, 2 for a wrong call, 1 when the database refused or was away."""
    parser = argparse.ArgumentParser(prog="python -m ja4_assets.storage", description=__doc__)
    parser.add_argument("command", choices=["upgrade", "downgrade", "current"])
    parser.add_argument("revision", nargs="?", help="default: head for upgrade, base for downgrade")
    parser.add_argument("--url", default=os.environ.get(URL_VARIABLE), help=f"default: ${URL_VARIABLE}")
    options = parser.parse_args(arguments)
    if not options.url:
        parser.error(
            f"give --url or set {URL_VARIABLE}, e.g. http://ja4:PASSWORD@127.0.0.1:8123/ja4_processing"
        )
    try:
        migrate.DatabaseUrl.parse(options.url)
    except ValueError as error:
        parser.error(str(error))
    try:
        if options.command == "upgrade":
            migrate.upgrade(options.url, options.revision or "head")
        elif options.command == "downgrade":
            migrate.downgrade(options.url, options.revision or "base")
        print(migrate.current_revision(options.url) or "base")
    except (ClickHouseError, SQLAlchemyError) as error:
        print(f"ClickHouse refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
