"""The .rpm, taken apart and compared with what rpm's own tools say of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from versions import FIRST, MINOR

MACHINE = os.uname().machine


@dataclass(frozen=True)
class Rpm:
    """A package file and the folder with what was in it."""

    file: Path
    content: Path

    def query(self, *what: str) -> list[str]:
        """Lines that rpm says of the package."""
        command = ["rpm", "-qp", "--nosignature", *what, str(self.file)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def unpack(packages: Path, name: str, folder: Path) -> Rpm:
    missing = [tool for tool in ("rpm", "rpm2cpio", "cpio") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"NOT RUN, the .rpm is untested here: no {', '.join(missing)} on this machine")
    file = packages / f"{name}-{FIRST}-1.{MACHINE}.rpm"
    with subprocess.Popen(["rpm2cpio", file], stdout=subprocess.PIPE) as archive:
        subprocess.run(["cpio", "-idm", "--quiet"], stdin=archive.stdout, cwd=folder, check=True)
    return Rpm(file, folder)


@pytest.fixture(scope="module")
def agent(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Rpm:
    return unpack(packages, "ja4-agent", tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def module(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Rpm:
    return unpack(packages, "mod_reqin_log", tmp_path_factory.mktemp("module"))


@pytest.mark.parametrize("which", ["agent", "module"])
def test_every_file_is_there_with_the_digest_and_mode_that_the_header_names(
    which: str, request: pytest.FixtureRequest
) -> None:
    rpm: Rpm = request.getfixturevalue(which)
    listed = 0
    for line in rpm.query("--dump"):
        path, size, _, digest, mode, owner, group, *_ = line.split(" ")
        file = rpm.content / path.lstrip("/")
        found = file.lstat()
        assert stat.S_IFMT(found.st_mode) == stat.S_IFMT(int(mode, 8)), path
        if stat.S_ISREG(found.st_mode):
            assert stat.S_IMODE(found.st_mode) == stat.S_IMODE(int(mode, 8)), path
            assert found.st_size == int(size), path
            assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, path
        own = path in ("/var/lib/ja4-agent", "/var/log/ja4-agent")
        assert (owner, group) == (("ja4-agent",) * 2 if own else ("root",) * 2), path
        listed += 1
    assert listed == len(rpm.query("-l"))
    verified = ["rpm", "--checksig", "--nosignature", str(rpm.file)]
    assert subprocess.run(verified, capture_output=True, text=True, check=True).stdout.endswith(
        "digests OK\n"
    )


def test_settings_are_kept_when_they_were_changed(agent: Rpm, module: Rpm) -> None:
    assert agent.query("--configfiles") == [
        "/etc/ja4-agent/agent.toml",
        "/etc/ja4-agent/canary.env",
        "/etc/logrotate.d/ja4-agent",
    ]
    # 16: RPMFILE_NOREPLACE, 1: RPMFILE_CONFIG.
    flags = dict(line.split(" ") for line in agent.query("--qf", "[%{FILENAMES} %{FILEFLAGS}\n]"))
    assert {int(flags[name]) & 17 for name in agent.query("--configfiles")} == {17}
    assert len(module.query("--configfiles")) == 2


def test_requirements_name_the_interpreter_and_what_makes_the_user(agent: Rpm, module: Rpm) -> None:
    required = set(agent.query("--requires"))
    assert {f"/usr/bin/python{MINOR}", "ca-certificates", "/usr/sbin/useradd", "systemd"} <= required
    assert not [name for name in required if name.startswith(("libssl", "libcrypto", "libpython"))]
    provided = {name.split(" ")[0] for name in agent.query("--provides")}
    assert provided == {"ja4-agent", f"ja4-agent({MACHINE.replace('_', '-')})", "config(ja4-agent)"}
    assert [name for name in module.query("--requires") if name.startswith("httpd-mmn = 20120211x86")]


def test_scripts_make_the_user_before_the_files_and_delete_nothing(agent: Rpm) -> None:
    scripts = "\n".join(agent.query("--scripts"))
    before, _, after = scripts.partition("postinstall scriptlet")
    assert "useradd -r -g ja4-agent -G ja4-http" in before
    assert "systemctl preset ja4-agent.service" in after
    assert "rm -r" not in scripts
    assert "userdel" not in scripts


def test_shell_accepts_every_script(agent: Rpm, module: Rpm, tmp_path: Path) -> None:
    for rpm in (agent, module):
        for tag in ("PREIN", "POSTIN", "PREUN", "POSTUN"):
            script = "\n".join(rpm.query("--qf", f"%{{{tag}}}"))
            if script != "(none)":
                subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_unpacked_agent_reads_a_capture(agent: Rpm, recording_dir: Path) -> None:
    if not Path(f"/usr/bin/python{MINOR}").exists():
        pytest.skip(f"NOT RUN, no /usr/bin/python{MINOR} here, which the package requires")
    program = "from capture_agent.cli import main; import sys; sys.exit(main())"
    interpreter = agent.content / "usr/lib/ja4-agent/bin/python3"
    capture = recording_dir / "pcaps" / "firefox-esr-headless.pcap"
    command = [interpreter, "-I", "-c", program, "read", capture]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    assert "t13d1617h2_86a278354501_3cbfd9057e0d" in {row["ja4"] for row in rows}
    path = [interpreter, "-I", "-c", "import capture_agent.compiled as c; print(c.path_name())"]
    assert subprocess.run(path, capture_output=True, text=True, check=True).stdout == "compiled\n"
    assert sys.prefix not in finished.stderr


def test_changed_settings_and_spool_outlive_reinstallation_and_removal(agent: Rpm, tmp_path: Path) -> None:
    """In a root of its own, without scripts: what rpm itself does with the files."""
    root = tmp_path / "root"
    root.mkdir()

    def rpm(*arguments: str) -> None:
        command = ["rpm", "--root", str(root), "--nosignature", "--nodeps", "--noscripts", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    rpm("--install", str(agent.file))
    settings, batch = root / "etc/ja4-agent/agent.toml", root / "var/lib/ja4-agent/spool/1.batch"
    settings.write_text('[agent]\nsensor = "changed"\n')
    batch.parent.mkdir()
    batch.write_bytes(b"rows")
    rpm("--upgrade", "--force", str(agent.file))
    assert settings.read_text() == '[agent]\nsensor = "changed"\n'
    assert not list(settings.parent.glob("*.rpmsave"))
    rpm("--erase", "ja4-agent")
    assert settings.with_name("agent.toml.rpmsave").read_text() == '[agent]\nsensor = "changed"\n'
    assert batch.read_bytes() == b"rows"
    assert not (root / "usr/lib/ja4-agent").exists()
