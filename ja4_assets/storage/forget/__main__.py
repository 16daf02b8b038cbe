"""`python -m ja4_assets.storage.forget ADDRESS`; `ja4 forget` calls it."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from contextlib import closing
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from ja4_assets.storage.engines import Topology
from ja4_assets.storage.forget.erase import ForgetRefusedError, forget, key_from
from ja4_assets.storage.migrate import DatabaseUrl


def main(arguments: list[str] | None = None) -> int:
    """Forget one address; 0 done, 1 refused or the database failed, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="ja4 forget", description="Remove a person's address everywhere.")
    parser.add_argument("address", help="IPv4 or IPv6")
    home = Path(os.environ.get("JA4_HOME", "var"))
    parser.add_argument(
        "--key-file",
        type=Path,
        default=Path(os.environ.get("JA4_FORGET_KEY_FILE", home / "secrets" / "forget_key")),
        help="key of the hash in the audit log; made if absent (default: %(default)s)",
    )
    parser.add_argument("--user", default=os.environ.get("USER", "operator"), help="named in the audit log")
    options = parser.parse_args(arguments)
    url = os.environ.get("JA4_CLICKHOUSE_URL", "")
    try:
        address = ipaddress.ip_address(options.address)
        mapped = getattr(address, "ipv4_mapped", None)
        target = DatabaseUrl.parse(url)
    except ValueError as error:
        parser.error(str(error))
    try:
        client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
        with closing(client):
            print(
                forget(
                    client,
                    mapped or address,
                    key_from(options.key_file),
                    options.user,
                    Topology.from_environment(),
                )
            )
    except ForgetRefusedError as error:
        print(f"ja4 forget: {error}", file=sys.stderr)
        return 1
    except (ClickHouseError, OSError) as error:
        first = str(error).partition("\n")[0]
        print(f"ja4 forget: {target.host} failed, so run it again: {first}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
