"""The engine's configuration file, written anew for each start into the data directory."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

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

_FOLDERS = ("log", "tmp", "user_files", "backups", "spool")


def write_configuration(home: Path, max_memory_bytes: int) -> Path:
    """Write the configuration of the data directory `home` and the folders it names; give its path.

    Paths inside are absolute, because the engine resolves relative ones against its working directory.
    """
    absolute = home.resolve()
    for folder in _FOLDERS:
        (absolute / folder).mkdir(exist_ok=True)
    path = absolute / "engine.xml"
    path.write_text(
        _TEMPLATE.format(home=escape(str(absolute)), max_memory_bytes=max_memory_bytes), encoding="utf-8"
    )
    return path
