"""Live capture on this machine: what it needs, and the settings of the agent that does it."""

from __future__ import annotations

import grp
import json
import re
from pathlib import Path

from operator_cli.settings import Settings
from operator_cli.supervisor import PlatformError

CAP_NET_RAW = 13
WEB_SERVER_GROUPS = ("www-data", "apache", "http", "nginx")
"""Groups that web servers run as: on Debian, on Fedora and RHEL, on Arch, and of nginx's own packages."""
INTERFACES = Path("/sys/class/net")
OWN_STATUS = Path("/proc/self/status")


def refuse_what_cannot_capture(interface: str) -> None:
    """Raise PlatformError, with what to do, where the agent would fail."""
    names = sorted(path.name for path in INTERFACES.iterdir())
    if interface not in names:
        raise PlatformError(f"LIVE={interface}: no such interface; there are {', '.join(names)}")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", OWN_STATUS.read_text(), re.MULTILINE)
    if found is None or not int(found[1], 16) >> CAP_NET_RAW & 1:
        raise PlatformError(
            f"LIVE={interface}: capturing packets takes root, or the capability CAP_NET_RAW. Either\n"
            f"  sudo make up LIVE={interface}\n"
            "or, to stay who you are:\n"
            '  sudo setpriv --reuid "$(id -u)" --regid "$(id -g)" --init-groups --inh-caps +net_raw '
            f"--ambient-caps +net_raw make up LIVE={interface}"
        )


def write_agent_settings(settings: Settings, interface: str) -> Path:
    """Write the settings of the agent that captures `interface`; gives their file."""
    group = maybe_web_server_group()
    lines = [
        "# Written by `make up LIVE=...` at each start. For another server see docs/how-to/capture-live.md.",
        "[agent]",
        f"state_dir = {_quoted(settings.state_dir / 'agent')}",
        "[capture]",
        f"interfaces = [{json.dumps(interface)}]",
        "[metrics]",
        f"port = {settings.metrics_port}",
        "[delivery]",
        # The tables are made while the agent is up already; on a slow machine that takes minutes.
        "insert_deadline_s = 900",
        "[[http]]",
        f"socket = {_quoted(settings.requests_socket)}",
    ]
    if group is not None:
        lines.append(f"group = {json.dumps(group)}")
    settings.agent_settings.write_text("\n".join(lines) + "\n")
    # The web server's children pass through both folders to the socket; they need not list them.
    for folder in (settings.requests_socket.parent, settings.requests_socket.parent.parent):
        folder.chmod(0o711)
    return settings.agent_settings


def maybe_web_server_group() -> str | None:
    """The group of this machine's web server, if it has one."""
    known = {group.gr_name for group in grp.getgrall()}
    return next((name for name in WEB_SERVER_GROUPS if name in known), None)


def advice(settings: Settings) -> str:
    """What is left to do by hand, for the end of `up`."""
    return (
        f"  capturing {settings.live}; `ja4-agent status` says how it does. For its requests, Apache needs\n"
        f"    ReqinLogSocket {settings.requests_socket}\n"
        "  docs/how-to/capture-live.md has the rest."
    )


def _quoted(path: Path) -> str:
    return json.dumps(str(path))
