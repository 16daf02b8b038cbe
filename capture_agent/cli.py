"""`ja4-agent`: read fingerprints out of captures, replay recordings into the platform, capture live.

Exit code 0: everything was read and written. 1: a sink did not take the rows. 2: wrong call, or input that
could not be read to its end; what could be read was kept. 141: the reader of standard output went away.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from capture_agent.agent.problems import Problems

if TYPE_CHECKING:
    from capture_agent.agent.recording import Recording
    from capture_agent.settings.whole import Settings

REPEATABLE = "the same command can be repeated: ClickHouse keeps one copy of rows that were written before"
SETTING_OF_OPTION = {
    "sensor": "agent.sensor",
    "clickhouse_url": "clickhouse.url",
    "tls_ports": "requests.tls_ports",
    "insert_deadline_s": "delivery.insert_deadline_s",
    "interfaces": "capture.interfaces",
    "http_sources": "http",
    "sinks": "sinks",
    "metrics_port": "metrics.port",
}
EXIT_OK, EXIT_SINK, EXIT_INPUT, EXIT_BROKEN_PIPE, EXIT_INTERRUPTED = 0, 1, 2, 141, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    problems = Problems(sys.stderr)
    try:
        commands = {
            "read": _read,
            "replay": _replay,
            "run": _run,
            "check-config": _check_config,
            "status": _status,
            "refingerprint": _refingerprint,
            "pseudonym": _pseudonym,
        }
        code = commands[options.command](options, problems)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_standard_output()
        return EXIT_BROKEN_PIPE
    except StandardOutputError as error:
        _forget_standard_output()
        problems.say(str(error))
        return EXIT_SINK
    except KeyboardInterrupt:
        problems.say("interrupted")
        return EXIT_INTERRUPTED
    return code


class StandardOutputError(Exception):
    """What was read could not be printed, for instance because the disk is full."""


def _forget_standard_output() -> None:
    # The interpreter flushes standard output once more at exit; without this it would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Version(argparse.Action):
    """Looks the version up only when asked: loading what that takes is slower than reading a capture."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        from capture_agent import compiled

        paths = f"{compiled.path_name()} packet path, {compiled.request_path_name()} request rows"
        print(f"ja4-agent {version('ja4-platform')} ({paths})")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ja4-agent", description="Fingerprints TLS clients.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True)

    read = commands.add_parser(
        "read", help="print one JSON object for each ClientHello and each cleartext request of capture files"
    )
    read.add_argument("files", nargs="+", type=Path, metavar="FILE.pcap")
    read.add_argument("--sensor", help="name in the column `sensor` (default: host name)")
    read.add_argument("--skeleton", action="store_true", help="print the column `hello_skeleton` as well")
    read.add_argument(
        "--http-ports",
        type=_ports,
        default="80,8080",
        help="server ports on which cleartext HTTP is read (default 80,8080; empty: none)",
    )

    replay = commands.add_parser("replay", help="join recordings with HTTP events and write the raw tables")
    replay.add_argument("files", nargs="+", type=Path, metavar="FILE.pcap")
    replay.add_argument("--http", action="append", type=Path, default=[], metavar="EVENTS.jsonl")
    replay.add_argument(
        "--http-format",
        default="native",
        metavar="NAME|MAPPING.toml",
        help="native (default), nginx, apache_json, caddy, haproxy, envoy, or a file that maps fields",
    )
    replay.add_argument("--sink", action="append", required=True, metavar="clickhouse|jsonl:PATH|stdout")
    replay.add_argument("--shift-to-now", action="store_true", help="move all times so that the last is now")
    replay.add_argument("--config", type=Path, metavar="FILE.toml", help="settings (JA4_AGENT_CONFIG)")
    replay.add_argument("--sensor", help="name of the sensor in every row (default: host name)")
    replay.add_argument("--clickhouse-url", help="http[s]://USER:PASSWORD@HOST:PORT/DATABASE")
    replay.add_argument("--tls-ports", help="server ports that speak TLS (default 443,8443)")
    replay.add_argument("--insert-deadline-s", type=float, help="how long to try an insert (default 60)")

    again = commands.add_parser(
        "refingerprint", help="compute the fingerprints of stored hellos again, under this version's rules"
    )
    again.add_argument("--clickhouse-url", help="http[s]://USER:PASSWORD@HOST:PORT/DATABASE")
    again.add_argument("--config", type=Path, metavar="FILE.toml", help="settings (JA4_AGENT_CONFIG)")

    run = commands.add_parser("run", help="capture live until SIGTERM, and deliver rows as they come")
    run.add_argument("--config", type=Path, metavar="FILE.toml", help="settings (JA4_AGENT_CONFIG)")
    run.add_argument(
        "--interface", action="append", dest="interfaces", metavar="NAME", help="may be repeated"
    )
    run.add_argument("--sink", action="append", dest="sinks", metavar="clickhouse|jsonl:PATH|stdout")
    run.add_argument(
        "--http-socket", action="append", type=Path, metavar="PATH", help="where mod_reqin_log sends"
    )
    run.add_argument("--sensor", help="name of the sensor in every row (default: host name)")
    run.add_argument("--clickhouse-url", help="http[s]://USER:PASSWORD@HOST:PORT/DATABASE")
    run.add_argument("--tls-ports", help="server ports that speak TLS (default 443,8443)")
    run.add_argument("--metrics-port", type=int, help="port of metrics and health (default 9469; 0: none)")

    status = commands.add_parser("status", help="tell how the agent on this machine is doing")
    status.add_argument("--config", type=Path, metavar="FILE.toml", help="settings (JA4_AGENT_CONFIG)")
    status.add_argument("--metrics-port", type=int, help="port of metrics and health (default 9469)")

    names = commands.add_parser(
        "pseudonym", help="print what stands in the tables in place of a client's address"
    )
    names.add_argument("subjects", nargs="+", metavar="ADDRESS|NETWORK|-", help="-: one a line, from stdin")
    names.add_argument("--reverse", action="store_true", help="the address behind a pseudonym")
    names.add_argument("--config", type=Path, metavar="FILE.toml", help="settings (JA4_AGENT_CONFIG)")

    check = commands.add_parser("check-config", help="name every fault of a settings file")
    check.add_argument("file", type=Path, metavar="FILE.toml")
    return parser


def _ports(text: str) -> frozenset[int]:
    ports = frozenset(int(part) for part in text.split(",") if part.strip())
    if not all(0 <= port <= 0xFFFF for port in ports):
        raise ValueError
    return ports


def _read(options: argparse.Namespace, problems: Problems) -> int:
    from capture_agent.agent.hello_lines import HelloLines
    from capture_agent.agent.reading import print_hellos
    from capture_agent.agent.request_lines import RequestLines

    sensor = options.sensor or os.environ.get("JA4_AGENT_SENSOR") or os.uname().nodename
    try:
        requests = RequestLines(sensor, options.http_ports)
        lines = HelloLines(sensor, with_skeleton=options.skeleton, requests=requests)
        print_hellos(options.files, lines, sys.stdout.buffer, problems)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StandardOutputError(f"standard output: {error.strerror}") from error
    return EXIT_INPUT if problems.count else EXIT_OK


def _replay(options: argparse.Namespace, problems: Problems) -> int:
    settings = _maybe_settings(options, problems)
    return EXIT_INPUT if settings is None else _replay_with(settings, options, problems)


def _run(options: argparse.Namespace, problems: Problems) -> int:
    options.http_sources = [{"socket": path} for path in options.http_socket or ()] or None
    settings = _maybe_settings(options, problems)
    if settings is None:
        return EXIT_INPUT
    from capture_agent.agent.running_start import run_live

    return run_live(settings, partial(_load_settings, options))


def _check_config(options: argparse.Namespace, problems: Problems) -> int:
    from capture_agent.agent.checking import check_settings

    return check_settings(options.file, problems)


def _status(options: argparse.Namespace, problems: Problems) -> int:
    settings = _maybe_settings(options, problems)
    if settings is None:
        return EXIT_INPUT
    from capture_agent.agent.status import print_status

    return print_status(settings, problems)


def _refingerprint(options: argparse.Namespace, problems: Problems) -> int:
    settings = _maybe_settings(options, problems)
    if settings is None:
        return EXIT_INPUT
    from capture_agent.agent.refingerprinting_start import refingerprint_database

    return refingerprint_database(settings, problems)


def _pseudonym(options: argparse.Namespace, problems: Problems) -> int:
    settings = _maybe_settings(options, problems)
    if settings is None:
        return EXIT_INPUT
    from capture_agent.agent.pseudonymising import print_pseudonyms

    return print_pseudonyms(settings, options.subjects, problems, is_reverse=options.reverse)


def _maybe_settings(options: argparse.Namespace, problems: Problems) -> Settings | None:
    """Settings with those of the command line; None after the faults in them were reported."""
    from capture_agent.settings.loading import UnusableSettings

    try:
        return _load_settings(options)
    except UnusableSettings as error:
        for fault in error.faults:
            problems.report(str(fault))
        return None


def _load_settings(options: argparse.Namespace) -> Settings:
    """Raises UnusableSettings."""
    from capture_agent.settings.loading import load_settings

    config_file = options.config or os.environ.get("JA4_AGENT_CONFIG")
    return load_settings(Path(config_file) if config_file else None, _given(options))


def _given(options: argparse.Namespace) -> Mapping[str, object]:
    """Settings that the command line names, by their keys."""
    return {
        key: value
        for option, key in SETTING_OF_OPTION.items()
        if (value := getattr(options, option, None)) is not None
    }


def _replay_with(settings: Settings, options: argparse.Namespace, problems: Problems) -> int:
    from capture_agent.agent.clock_report import clock_sentence
    from capture_agent.agent.composition import UnknownSink, normal_form, pipeline_settings, sink_openers
    from capture_agent.agent.pseudonym_key import UnusableKeyFile, client_names
    from capture_agent.agent.recording import Recording, UnusableRecording
    from capture_agent.agent.replaying import replay
    from capture_agent.canary.secret import UnusableSecret
    from capture_agent.intake.formats import line_decoder
    from capture_agent.intake.mapping import UnusableMapping
    from capture_agent.pipeline import Pipeline
    from capture_agent.ports import SinkError
    from capture_agent.sink.encode import iso_time

    try:
        decoder = line_decoder(options.http_format, normal_form(settings))
        clients = client_names(settings)
        recording = Recording(options.files, options.http, decoder, problems)
        openers = sink_openers(options.sink, settings, problems.say, sys.stdout.buffer)
    except (UnusableMapping, UnusableSecret, UnusableRecording, UnusableKeyFile, UnknownSink) as error:
        problems.report(str(error))
        return EXIT_INPUT

    with ExitStack() as stack:
        try:
            sinks = [stack.enter_context(closing(opener())) for opener in openers]
        except SinkError as error:
            problems.say(str(error))
            return EXIT_SINK
        shift_us = _shift_to_now(recording) if options.shift_to_now else 0
        run_id = recording.identity(settings.agent.sensor, shift_us)
        pipeline = Pipeline(pipeline_settings(settings, run_id, clients, has_requests=bool(options.http)))
        try:
            requests = recording.requests(pipeline)
            summary = replay(
                pipeline, recording.packet_sources(), requests, sinks, shift_us, settings.join.clock_offset_us
            )
        except SinkError as error:
            problems.say(f"{error}; nothing after {iso_time(pipeline.now_us)} was processed")
            if not options.shift_to_now:
                problems.say(REPEATABLE)
            return EXIT_SINK
    problems.summarise()
    problems.say(f"replayed {summary}")
    if summary.requests:
        problems.say(clock_sentence(pipeline))
    return EXIT_INPUT if problems.count else EXIT_OK


def _shift_to_now(recording: Recording) -> int:
    last_us = recording.last_time_us()
    return 0 if last_us is None else time.time_ns() // 1_000 - last_us


if __name__ == "__main__":
    sys.exit(main())
