"""Deployed: docs/examples/deploy as it is written, but for ports, folders and the name of the machine: its processes run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.planrail.command import ROOT
from tests.warm import warm_command

EXAMPLE = ROOT / "docs" / "examples" / "deploy"
BOUND_S = 60.0
_LINE = re.compile(r"^(\w+): (.+)$", re.MULTILINE)


@dataclass
class Deployed:
    """The processes of the Procfile, by name; `url` is where clients come."""

    folder: Path
    ports: dict[str, int]  # as it is written, and as it is here
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports['443']}"

    @property
    def commands(self) -> dict[str, str]:
        return dict(_LINE.findall((self.folder / "Procfile").read_text()))

    def environment(self) -> dict[str, str]:
        """Of every process: what `environment` says, and where programs are."""
        lines = (self.folder / "environment").read_text().splitlines()
        said = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL_", "OPENAI_"))}
        path = f"{warm_command().parent}:{plain.get('PATH', '')}:/usr/sbin"
        return {**plain, **said, "PATH": path, "PYTHONPATH": str(ROOT), "PLANRAIL_PACKS": ""}

    def start(self, name: str) -> None:
        """Start one, and return when it is ready."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                ["sh", "-c", self.commands[name]], cwd=self.folder, env=self.environment(), stdout=log, stderr=log
            )
        port = int(self._port(name))
        until = time.monotonic() + BOUND_S
        while True:
            assert self.running[name].poll() is None, (self.folder / f"{name}.log").read_text()
            try:
                if name == "proxy":
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    return
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    return
            except (OSError, httpx.HTTPError):
                assert time.monotonic() < until, (self.folder / f"{name}.log").read_text()
                time.sleep(0.05)

    def _port(self, name: str) -> str:
        return str(self.ports["443"]) if name == "proxy" else self.commands[name].rpartition(" ")[2]

    def end(self, name: str, how: signal.Signals) -> None:
        """End one, and return when it has ended."""
        self.running[name].send_signal(how)
        self.running.pop(name).wait(BOUND_S)

    def planrail(self, *arguments: str) -> str:
        """What a command says, with the environment of the processes."""
        done = subprocess.run(["planrail", *arguments], cwd=self.folder, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def new_key(self, name: str, *options: str) -> str:
        return str(json.loads(self.planrail("keys", "create", name, "--json", *options))["key"])

    def tls(self, certified: bool = False) -> ssl.SSLContext:
        """What a client trusts; with a certificate of its own, if it has one."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "cert.pem"))
        if certified:
            context.load_cert_chain(self.folder / "tls" / "client.pem")
        return context

    def web(self, key: str = "", *, certified: bool = False, **headers: str) -> httpx.Client:
        """A client that comes through the proxy."""
        said = {"A2A-Version": "1.0", **({"Authorization": f"Bearer {key}"} if key else {}), **headers}
        return httpx.Client(base_url=self.url, headers=said, verify=self.tls(certified), timeout=BOUND_S)


def laid_out(folder: Path, database_url: str) -> Deployed:
    """The example in a folder, on ports that are free, with certificates of its own."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    written = ("8711", "8712", "8721", "8722", "8723", "443", "80")
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in written]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = {port: int(probe.getsockname()[1]) for port, probe in zip(written, probes, strict=True)}
    made = Deployed(folder, ports)
    for file in (path for path in folder.rglob("*") if path.is_file()):
        text = file.read_text().replace("postgresql://planrail:PASSWORD@127.0.0.1:5432/planrail", database_url)
        text = re.sub(r"\b87(?:11|12|21|22|23)\b", lambda found: str(ports[found[0]]), text)
        text = text.replace("listen 443", f"listen {ports['443']}").replace("listen 80;", f"listen {ports['80']};")
        text = text.replace("https://planner.example", made.url).replace("planner.example", "localhost")
        text = text.replace("/etc/planrail/", f"{folder}/").replace("/var/lib/planrail", f"{folder}/home")
        file.write_text(text)
    (folder / "environment").chmod(0o600)
    _certificates(folder / "tls")
    return made


@contextmanager
def deployed(folder: Path, database_url: str) -> Iterator[Deployed]:
    """Everything of the Procfile, while it is entered."""
    made = laid_out(folder, database_url)
    made.planrail("runs")  # makes the tables
    try:
        for name in made.commands:
            made.start(name)
        yield made
    finally:
        for process in made.running.values():
            process.terminate()
        for process in made.running.values():
            process.wait(BOUND_S)


def programs(text: str) -> list[list[str]]:
    """The commands of `planrail` in a Procfile or a unit, as words."""
    found = re.findall(r"(?:exec |ExecStart=\S*/)(planrail .+)$", text, re.MULTILINE)
    return [shlex.split(line.replace("%i", "8799")) for line in found]


def _certificates(folder: Path) -> None:
    """Of the server, and of a client."""
    folder.mkdir()
    server, server_key = _certificate("localhost")
    client, client_key = _certificate("ann")
    (folder / "cert.pem").write_bytes(server)
    (folder / "key.pem").write_bytes(server_key)
    (folder / "clients.pem").write_bytes(client)
    (folder / "client.pem").write_bytes(client_key + client)


def _certificate(name: str) -> tuple[bytes, bytes]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    built = built.not_valid_after(now + timedelta(days=1)).add_extension(x509.BasicConstraints(True, None), critical=True)
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), private
