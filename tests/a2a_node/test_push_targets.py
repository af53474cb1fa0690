"""Which places are notified: public ones over TLS, at the address that was judged, whatever their names say later."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from a2a_node.push.backoff import Backoff
from a2a_node.push.sender import Notification, Sender, Unheard
from a2a_node.push.signature import Signer
from a2a_node.push.target import Target, Targets
from a2a_node.push.wires import Wires
from executor.builtin.addresses import Resolve
from executor.builtin.handle import Unfit
from executor.builtin.web import trusting
from executor.journal.sql import SqlJournal
from planrail.seal import Seal
from planrail.signing import SigningKeys
from tests.a2a_node.receiver import LOCAL, receiving

PUBLIC = "93.184.215.14"
NOTE = Notification("run/config/1.1", "run", b'{"task":{}}')
HOSTILE = [
    "http://example.com/hook",  # no TLS
    "ftp://example.com/hook",
    "file:///etc/passwd",
    "gopher://example.com:70/_",
    "//example.com/hook",
    "javascript:alert(1)",
    "https:///hook",
    "https://user:password@example.com/hook",
    "https://example.com@127.0.0.1/hook",
    "https://127.0.0.1/hook",
    "https://127.1/hook",
    "https://2130706433/hook",  # 127.0.0.1 as one number
    "https://0x7f000001/hook",
    "https://0177.0.0.1/hook",
    "https://0x5db8d70e/hook",  # a public one, but spelt so that others read another
    "https://example.com\\.other.example/hook",
    "https://127.0.0.1./hook",
    "https://0/hook",
    "https://0.0.0.0/hook",
    "https://10.1.2.3/hook",
    "https://172.16.0.1/hook",
    "https://192.168.1.1/hook",
    "https://169.254.169.254/latest/meta-data",  # clouds tell their secrets there
    "https://100.64.0.1/hook",  # carriers' own
    "https://168.63.129.16/hook",  # a cloud's own
    "https://224.0.0.1/hook",
    "https://255.255.255.255/hook",
    "https://[::1]/hook",
    "https://[::]/hook",
    "https://[::ffff:127.0.0.1]/hook",
    "https://[::ffff:7f00:1]/hook",
    "https://[64:ff9b::7f00:1]/hook",  # NAT64 of 127.0.0.1
    "https://[2002:7f00:1::]/hook",  # 6to4 of it
    "https://[fe80::1]/hook",
    "https://[fd00::1]/hook",
    "https://[ff02::1]/hook",
    "https://localhost/hook",
    "https://inside.example/hook",  # a name with a public and a private address
    "https://example.com:22/hook",
    "https://example.com:25/hook",
    "https://example.com:0/hook",
    "https://example.com:99999/hook",
    "https://exa mple.com/hook",
    "https://example.com/hook\r\nX-Evil: 1",
    "https://example.com\\@127.0.0.1/hook",
    "https://example.com/" + "x" * 2_000,
]
NAMES = {"example.com": [PUBLIC], "0x5db8d70e": [PUBLIC], "localhost": [LOCAL, "::1"], "inside.example": [PUBLIC, "10.0.0.1"]}


async def named(host: str, port: int) -> Sequence[str]:
    """A resolver: numbers are what they say."""
    return NAMES.get(host, [host.strip("[]")])


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(Unfit):
        await Targets((), resolve=named).check(Target(url=url))


@pytest.mark.parametrize("url", ["https://example.com/hook?x=1", "https://example.com:8443/hook", f"https://{PUBLIC}/hook"])
async def test_a_public_url_is_let_be(url: str) -> None:
    await Targets((), resolve=named).check(Target(url=url))


@pytest.mark.parametrize("url", ["http://localhost:9000/hook", "http://LOCALHOST.:80/hook", "https://localhost/hook"])
async def test_a_host_that_the_configuration_names_may_be_inside_and_without_tls(url: str) -> None:
    await Targets(("localhost",), resolve=named).check(Target(url=url))


@pytest.mark.parametrize(
    "more", [{"token": "a\r\nX: 1"}, {"token": "ä"}, {"scheme": "Bearer x", "credentials": "y"}, {"credentials": "a\nb"}]
)
async def test_what_no_header_can_carry_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(Unfit):
        await Targets((), resolve=named).check(Target(url="https://example.com/hook", **more))


async def test_a_name_that_nobody_knows_today_may_be_known_later() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    await Targets((), resolve=unknown).check(Target(url="https://later.example/hook"))


class Rebinding:
    """A name that was public when it was looked at, and leads to this machine ever since."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return [PUBLIC] if self.asked == 1 else [LOCAL]


@pytest.fixture
async def signer(tmp_path: Path) -> Signer:
    async with await SqlJournal.open(f"sqlite:///{tmp_path}/keys.db") as journal:
        keys = SigningKeys(
            journal.signing, Seal(["k" * 32]), now=lambda: datetime.now(UTC), grace=timedelta(days=1)
        )  # fmt: skip
        made = Signer(keys, issuer="", now=lambda: datetime.now(UTC))
        await made.headers(Target(url="https://example.com"), "n", "t", b"")  # it knows its key from here on
    return made


def sender(
    signer: Signer, resolve: Resolve = named, *, allow_private: Sequence[str] = (), ca_file: Path | None = None
) -> Sender:
    wires = Wires(tls=lambda: trusting(ca_file), resolve=resolve, allow_private=allow_private, timeout_s=5.0)
    return Sender(wires, Targets(allow_private, resolve=resolve), signer, timeout_s=5.0)


async def test_a_name_that_leads_into_the_house_by_now_is_not_notified(signer: Signer) -> None:
    resolve = Rebinding()
    async with receiving() as receiver:
        target = Target(url=f"https://rebinding.example:{receiver.port}/hook")
        await Targets((), resolve=resolve).check(target)
        unheard = await sender(signer, resolve).send(target, NOTE)
    assert unheard == Unheard("The host rebinding.example is not on the public internet.")
    assert (resolve.asked, receiver.heard) == (2, [])


async def test_a_host_that_the_configuration_names_no_more_is_not_notified(signer: Signer) -> None:
    async with receiving() as receiver:
        target = Target(url=receiver.url(host="once-inside.example"))
        unheard = await sender(signer).send(target, NOTE)
    assert (unheard, receiver.heard) == (Unheard("Notifications are sent to https URLs."), [])


@pytest.mark.parametrize(("host", "arrives"), [("hook.example", True), ("other.example", False)])
async def test_the_certificate_is_for_the_name_though_the_address_is_pinned(
    host: str, arrives: bool, signer: Signer, tmp_path: Path
) -> None:
    NAMES[host] = [LOCAL]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate(tmp_path, "hook.example"))
    async with receiving(tls=tls) as receiver:
        told = sender(signer, allow_private=(host,), ca_file=tmp_path / "cert.pem")
        unheard = await told.send(Target(url=f"https://{host}:{receiver.port}/hook"), NOTE)
    assert [h.headers["host"] for h in receiver.heard] == ([f"{host}:{receiver.port}"] if arrives else [])
    assert unheard == (None if arrives else Unheard("The certificate of other.example is not valid for it."))


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(
        [*made, "-keyout", key, "-out", cert, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


async def test_a_redirect_is_no_answer_and_a_long_one_is_not_read(signer: Signer) -> None:
    statuses = iter((302, 200))

    async def reply(heard: object) -> int:
        return next(statuses)

    async with receiving(reply) as receiver:
        receiver.headers = "Location: http://169.254.169.254/\r\nX-Long: " + "x" * 10_000 + "\r\n"
        told = sender(signer, allow_private=(LOCAL,))
        first = await told.send(Target(url=receiver.url()), NOTE)
        second = await told.send(Target(url=receiver.url()), NOTE)
    assert first == Unheard("The receiver answered with status 302; redirects are not followed.")
    assert second is None
    assert len(receiver.heard) == 2


def test_waits_double_up_to_an_hour_with_some_chance_and_end_after_a_day() -> None:
    backoff = Backoff()
    assert [backoff.wait_s(n, 1.0) for n in (1, 2, 3, 11, 12, 500)] == [2.0, 4.0, 8.0, 2_048.0, 3_600.0, 3_600.0]
    assert backoff.wait_s(3, 0.0) == 4.0
    assert (backoff.wait_s(1, 1.0, 120.0), backoff.wait_s(1, 1.0, 1e9)) == (120.0, 3_600.0)
    assert (backoff.is_over(86_399.0), backoff.is_over(86_400.0)) == (False, True)
