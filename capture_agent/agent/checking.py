"""What `ja4-agent check-config` finds beyond the settings' own rules: what this machine lacks for them."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

from capture_agent.agent.composition import UnknownSink, clickhouse_url, normal_form
from capture_agent.agent.problems import Problems
from capture_agent.agent.pseudonym_key import KEY, UnusableKeyFile, client_names
from capture_agent.canary.secret import UnusableSecret
from capture_agent.intake.formats import line_decoder
from capture_agent.intake.mapping import UnusableMapping
from capture_agent.intake.normal_form import NormalForm
from capture_agent.settings.clickhouse import URL_FORM
from capture_agent.settings.faults import Fault
from capture_agent.settings.loading import UnusableSettings, load_settings
from capture_agent.settings.sinks import SinkKind
from capture_agent.settings.whole import Settings
from capture_agent.sink.clickhouse_client import check_url

EXIT_OK, EXIT_FAULTY = 0, 2
READY_FORMATS = "native, nginx, apache_json, caddy, haproxy, envoy, or a mapping file"


def check_settings(path: Path, problems: Problems) -> int:
    """Report every fault of a settings file; returns the exit code."""
    try:
        settings = load_settings(path, {})
        faults = list(faults_on_this_machine(settings, str(path)))
    except UnusableSettings as error:
        faults = list(error.faults)
        settings = None
    for fault in faults:
        problems.report(str(fault))
    if faults or settings is None:
        return EXIT_FAULTY
    for name in missing_interfaces(settings):
        problems.say(f"{path}: capture.interfaces: {name} is not there now; `run` would not start")
    if not settings.capture.interfaces:
        problems.say(f"{path}: capture.interfaces: none is named; `run` needs --interface")
    problems.say(f"{path}: client addresses are stored {client_names(settings).described()}")
    problems.say(f"{path}: no fault")
    return EXIT_OK


def faults_on_this_machine(settings: Settings, source: str) -> Iterator[Fault]:
    """Users, groups, formats and files that are named but not there; `source` is the settings' file."""
    user = settings.agent.user
    if user is not None and not _is_known(pwd.getpwnam, user):
        yield Fault(source, "agent.user", "there is no such user", f'"{user}"')
    form = NormalForm()
    try:
        form = normal_form(settings)
    except UnusableSecret as error:
        yield Fault(source, "requests.canary_secret_file", str(error))
    try:
        client_names(settings)
    except UnusableKeyFile as error:
        yield Fault(source, KEY, str(error))
    for number, http in enumerate(settings.http):
        if http.group is not None and not _is_known(grp.getgrnam, http.group):
            yield Fault(source, f"http[{number}].group", "there is no such group", f'"{http.group}"')
        try:
            line_decoder(http.format, form)
        except UnusableMapping as error:
            key = f"http[{number}].format"
            yield Fault(source, key, str(error), f'"{http.format}"', READY_FORMATS)
    yield from _faults_of_sinks(settings, source)


def _faults_of_sinks(settings: Settings, source: str) -> Iterator[Fault]:
    if not any(sink.type is SinkKind.CLICKHOUSE for sink in settings.sinks):
        return
    try:
        url = clickhouse_url(settings)
        if url is None:
            reason = "is missing, and a sink needs it; JA4_CLICKHOUSE_URL may give it as well"
            yield Fault(source, "clickhouse.url", reason, allowed=URL_FORM)
        else:
            check_url(url)
    except UnknownSink as error:
        yield Fault(source, "clickhouse.url_file", str(error))
    except ValueError as error:
        yield Fault(source, "clickhouse.url", str(error), allowed=URL_FORM)


def missing_interfaces(settings: Settings) -> list[str]:
    """Interfaces that are named but not there; they may come later, so they are no fault."""
    return [name for name in settings.capture.interfaces if not Path("/sys/class/net", name).exists()]


def _is_known(look_up: Callable[[str], object], name: str) -> bool:
    try:
        look_up(name)
    except KeyError:
        return False
    return True
