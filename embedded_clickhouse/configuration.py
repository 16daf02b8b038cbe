"""The engine's configuration files, written anew for each start into the data directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from embedded_clickhouse.accounts import ADMIN_ROLE, Grants

_TEMPLATE = """\
<clickhouse>
    <log-level>error</log-level>
    <logger>
        <level>error</level>
        <console>false</console>
        <log>{home}/log/engine.log</log>
        <size>16M</size>
        <count>3</count>
    </logger>
    <path>{home}/</path>
    <users_config>{home}/users.xml</users_config>
    <tmp_path>{home}/tmp/</tmp_path>
    <user_files_path>{home}/user_files/</user_files_path>
    <backups>
        <allowed_path>{home}/backups/</allowed_path>
    </backups>
    <max_server_memory_usage>{max_memory_bytes}</max_server_memory_usage>
    <mark_cache_size>268435456</mark_cache_size>
    <query_log>
        <database>system</database>
        <table>query_log</table>
        <flush_interval_milliseconds>7500</flush_interval_milliseconds>
        <partition_by>event_date</partition_by>
        <ttl>event_date + interval 3 day delete</ttl>
    </query_log>
    <part_log>
        <database>system</database>
        <table>part_log</table>
        <flush_interval_milliseconds>7500</flush_interval_milliseconds>
        <partition_by>event_date</partition_by>
        <ttl>event_date + interval 3 day delete</ttl>
    </part_log>
</clickhouse>
"""

# The engine's only user, whom nothing but the gateway reaches. It has all roles, and gives up all but one for
# a restricted user's statement. Mutations may depend on other tables: there is no replica that could differ.
# dbt would switch that on by itself, and a statement of a session with a changed setting costs several more.
_USERS = """\
<clickhouse>
    <profiles>
        <default>
            <allow_nondeterministic_mutations>1</allow_nondeterministic_mutations>
        </default>
    </profiles>
    <quotas><default/></quotas>
    <roles>
{roles}
    </roles>
    <users>
        <default>
            <no_password/>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
{granted}
            </grants>
        </default>
    </users>
</clickhouse>
"""
_ROLE = """\
        <{name}>
            <grants>
{grants}
            </grants>
        </{name}>"""
_GRANT = "                <query>{}</query>"

_FOLDERS = ("log", "tmp", "user_files", "backups", "spool")


def write_configuration(home: Path, max_memory_bytes: int, restricted: Sequence[Grants] = ()) -> Path:
    """Write the configuration of the data directory `home` and the folders it names; give its path.

    Paths inside are absolute, because the engine resolves relative ones against its working directory.
    """
    absolute = home.resolve()
    for folder in _FOLDERS:
        (absolute / folder).mkdir(exist_ok=True)
    (absolute / "users.xml").write_text(_users(restricted), encoding="utf-8")
    path = absolute / "engine.xml"
    path.write_text(
        _TEMPLATE.format(home=escape(str(absolute)), max_memory_bytes=max_memory_bytes), encoding="utf-8"
    )
    return path


def _users(restricted: Sequence[Grants]) -> str:
    roles: dict[str, tuple[str, ...]] = {ADMIN_ROLE: ("grant all on *.* with grant option",)}
    roles |= {grants.user: grants.privileges for grants in restricted}
    return _USERS.format(
        roles="\n".join(_ROLE.format(name=name, grants=_queries(grants)) for name, grants in roles.items()),
        granted=_queries([f"grant {name}" for name in roles]),
    )


def _queries(statements: Sequence[str]) -> str:
    return "\n".join(_GRANT.format(escape(statement)) for statement in statements)
