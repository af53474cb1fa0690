"""What is fetched is public, bounded and from the address that was checked."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.artifacts import MemoryArtifacts
from executor.builtin import HttpSettings, builtin_tools, http_tools
from executor.builtin.addresses import is_public
from executor.builtin.decoding import BoundedBody
from executor.builtin.handle import MAX_INLINE_BYTES, Unfit
from executor.builtin.pages import retry_after_s
from executor.builtin.url import parsed_url
from executor.call import call_tool
from executor.tool import ToolContext, ToolDone, ToolFailed, ToolResult
from planner.toolspec import Json

LOCAL = "127.0.0.1"
Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on this machine that gives every request, head and body, to the handler; its port."""

    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = asyncio.current_task()
        assert answers is not None
        answering.add(answers)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
            await handler(head + await reader.readexactly(length), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            answering.discard(answers)

    server = await asyncio.start_server(answer, LOCAL, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for answers in answering.copy():
            answers.cancel()
        await asyncio.gather(*answering, return_exceptions=True)


def replying(body: bytes = b"", *, status: str = "200 OK", heard: list[bytes] | None = None, **headers: str) -> Handler:
    async def reply(request: bytes, writer: asyncio.StreamWriter) -> None:
        if heard is not None:
            heard.append(request)
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Length: {len(body)}",
            *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return reply


async def call(name: str, arguments: dict[str, Json], *, resolve: Any = None, **settings: Any) -> ToolResult:
    allowed = {"allow_private": (LOCAL,), "timeout_s": 5.0, **settings}
    tools = http_tools(HttpSettings(**allowed), **({"resolve": resolve} if resolve else {}))
    return await call_tool(tools[f"http.{name}"], arguments, ToolContext(key="the-key", artifacts=MemoryArtifacts()))


async def fetched(handler: Handler, path: str = "/", **settings: Any) -> ToolResult:
    async with serving(handler) as port:
        return await call("fetch", {"url": f"http://{LOCAL}:{port}{path}"}, **settings)


def refusal(result: ToolResult) -> str:
    assert isinstance(result, ToolFailed), result
    return f"{result.kind}: {result.message}"


async def test_a_page_comes_back_as_text_with_its_type() -> None:
    heard: list[bytes] = []
    result = await fetched(replying("grüß".encode("latin-1"), heard=heard, Content_Type="text/html; charset=latin-1"), "/a?b#c")
    assert isinstance(result, ToolDone)
    assert {**result.value, "url": "…"} == {"url": "…", "status": 200, "content_type": "text/html", "content": "grüß"}
    assert heard[0].startswith(b"GET /a?b HTTP/1.1\r\n")
    assert b"cookie" not in heard[0].lower()
    assert b"authorization" not in heard[0].lower()


async def test_long_and_binary_bodies_are_handles() -> None:
    long = await fetched(replying(b"x" * (MAX_INLINE_BYTES + 1), Content_Type="text/plain"))
    image = await fetched(replying(b"x", Content_Type="image/png"))
    assert isinstance(long, ToolDone)
    assert isinstance(image, ToolDone)
    assert long.value["content"]["size"] == MAX_INLINE_BYTES + 1
    assert image.value["content"]["media_type"] == "image/png"


async def test_compressed_bodies_are_unpacked() -> None:
    whole = zlib.compressobj(wbits=-15)
    bare = whole.compress(b"hello") + whole.flush()
    bodies = (
        ("gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", bare),
    )
    for encoding, body in bodies:
        result = await fetched(replying(body, Content_Type="text/plain", Content_Encoding=encoding))
        assert isinstance(result, ToolDone), result
        assert result.value["content"] == "hello"


@pytest.mark.parametrize(
    ("status", "effective"),
    [
        ("404 Not Found", ToolFailed("The server answered with status 404.", "not_found")),
        ("410 Gone", ToolFailed("The server answered with status 410.", "not_found")),
        ("429 Too Many", ToolFailed("The server answered with status 429.", "transient", 7.0)),
        ("503 Busy", ToolFailed("The server answered with status 503.", "transient", 7.0)),
        ("403 Forbidden", ToolFailed("The server answered with status 403.", "refused")),
        ("418 Teapot", ToolFailed("The server answered with status 418.", "failed")),
    ],
)
async def test_a_status_says_whether_to_try_again(status: str, effective: ToolFailed) -> None:
    assert await fetched(replying(status=status, Retry_After="7")) == effective


async def test_a_post_carries_its_key_and_is_not_said_to_be_undone_when_it_may_have_happened() -> None:
    heard: list[bytes] = []
    async with serving(replying(b'{"ok": true}', heard=heard, Content_Type="application/json")) as port:
        result = await call("post", {"url": f"http://{LOCAL}:{port}/x", "body": {"a": 1}})
    assert isinstance(result, ToolDone)
    assert result.value["content"] == '{"ok": true}'
    assert b"\r\nIdempotency-Key: the-key\r\n" in heard[0]
    assert heard[0].endswith(b'\r\n\r\n{"a": 1}')
    for status, kind in (("500 Oops", "failed"), ("429 Later", "transient"), ("302 Found", "failed")):
        async with serving(replying(status=status, Location="/elsewhere", heard=heard)) as port:
            assert refusal(await call("post", {"url": f"http://{LOCAL}:{port}/x", "body": 1})).startswith(kind)
    assert len(heard) == 4

    async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(hang_up) as port:
        assert refusal(await call("post", {"url": f"http://{LOCAL}:{port}/", "body": 1})).startswith("failed: ")
    assert refusal(await call("post", {"url": f"http://{LOCAL}:{port}/", "body": 1})).startswith("transient: ")

    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    unsent = await call("post", {"url": "http://nowhere.example/", "body": 1}, resolve=nowhere)
    assert unsent == ToolFailed("The host nowhere.example cannot be found.", "transient")


async def test_redirects_are_followed_up_to_their_number() -> None:
    async def count_down(request: bytes, writer: asyncio.StreamWriter) -> None:
        left = int(request.split(b" ")[1].removeprefix(b"/"))
        reply = (
            replying(b"there", Content_Type="text/plain") if left == 0 else replying(status="302 F", Location=f"/{left - 1}")
        )
        await reply(request, writer)

    there = await fetched(count_down, "/5")
    assert isinstance(there, ToolDone)
    assert there.value["url"].endswith("/0")
    assert refusal(await fetched(count_down, "/6")) == "failed: More than 5 redirects."


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "//10.0.0.1/", "http://localhost:1/",
        "file:///etc/passwd", "ftp://example.com/", "http://user:pass@127.0.0.1/", "http://2852039166/", "gopher://x/",
    ],
)  # fmt: skip
async def test_a_redirect_is_checked_like_a_url(location: str) -> None:
    assert refusal(await fetched(replying(status="302 Found", Location=location))).startswith("refused: ")


async def test_a_name_that_resolves_to_a_private_address_is_refused_whatever_else_it_has() -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["93.184.216.34", LOCAL]

    assert refusal(await call("fetch", {"url": "http://example.com/"}, resolve=both)) == (
        "refused: The host example.com is not on the public internet."
    )


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name server that answers differently the second time is never asked a second time."""
    asked: list[str] = []
    heard: list[bytes] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [LOCAL] if len(asked) == 1 else ["169.254.169.254"]

    async with serving(replying(b"ok", heard=heard, Content_Type="text/plain")) as port:
        url = f"http://rebound.example:{port}/"
        result = await call("fetch", {"url": url}, resolve=rebinding, allow_private=("rebound.example",))
    assert isinstance(result, ToolDone)
    assert asked == ["rebound.example"]
    assert f"\r\nHost: rebound.example:{port}\r\n".encode() in heard[0]


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", LOCAL]

    async with serving(replying(b"ok", Content_Type="text/plain")) as port:
        result = await call("fetch", {"url": f"http://two.example:{port}/"}, resolve=two, allow_private=("two.example",))
    assert isinstance(result, ToolDone)


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(await fetched(replying(b"ok", Content_Type="text/plain")), ToolDone)


async def test_a_slow_drip_ends_with_the_time() -> None:
    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    started = time.monotonic()
    assert refusal(await fetched(drip, timeout_s=0.3)) == "timeout: No whole answer within 0.3 s."
    assert time.monotonic() - started < 3


async def test_a_body_without_end_is_cut_off_at_the_limit() -> None:
    async def flood(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    assert refusal(await fetched(flood, max_bytes=1_000_000)) == "failed: The answer is larger than 1,000,000 bytes."


async def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1, mtime=0)
    assert len(bomb) < 1_000_000
    result = await fetched(replying(bomb, Content_Encoding="gzip"), max_bytes=1_000_000)
    assert refusal(result) == "failed: The answer is larger than 1,000,000 bytes."


def test_a_gzip_bomb_takes_no_memory_beyond_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000, compresslevel=1, mtime=0)
    tracemalloc.start()
    with pytest.raises(Unfit, match="larger than"):
        BoundedBody("gzip", 1_000_000).feed(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (gzip.compress(b"hello" * 100, mtime=0)[:-12], "gzip", "transient: The server's answer was cut off."),
        (b"no gzip", "gzip", "failed: The server sent a compressed body that is broken."),
        (b"x", "br", "failed: The server used the encoding 'br', which was not asked for."),
    ],
)
async def test_a_broken_encoding_is_a_failure(body: bytes, encoding: str, message: str) -> None:
    assert refusal(await fetched(replying(body, Content_Encoding=encoding))) == message


async def test_a_body_that_breaks_off_is_a_failure() -> None:
    async def break_off(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    assert refusal(await fetched(break_off)) == "transient: The server's answer was cut off."


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate with its key for the name `secure.example`, made by the openssl of this machine."""
    file = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=secure.example",
         "-addext", "subjectAltName=DNS:secure.example", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "cert").read_bytes())
    return file


async def test_tls_is_checked_against_the_name_while_the_address_is_pinned(certificate: Path) -> None:
    asked_for: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    server.set_servername_callback(lambda sock, name, context: asked_for.append(name))

    async def local(host: str, port: int) -> Sequence[str]:
        return [LOCAL]

    hosts = ("secure.example", "other.example")
    async with serving(replying(b"ok", Content_Type="text/plain"), tls=server) as port:
        settings = {"resolve": local, "allow_private": hosts, "ca_file": certificate}
        right, wrong = [await call("fetch", {"url": f"https://{h}:{port}/"}, **settings) for h in hosts]
        unknown = await call("fetch", {"url": f"https://{hosts[0]}:{port}/"}, resolve=local, allow_private=hosts)
    assert isinstance(right, ToolDone)
    assert asked_for == ["secure.example", "other.example", "secure.example"]
    assert refusal(wrong) == "refused: The certificate of other.example is not valid for it."
    assert refusal(unknown) == "refused: The certificate of secure.example is not valid for it."


PRIVATE = [
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "192.0.0.192", "168.63.129.16", "192.88.99.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1",
    "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:7f00:1::", "100::1", "5f00::1", "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    mapped = ipaddress.IPv6Address(0xFFFF_0000_0000 | number)
    nat64 = ipaddress.IPv6Address((0x64_FF9B << 96) | number)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (number << 80))
    assert {is_public(str(a)) for a in (mapped, nat64, six_to_four)} == {is_public(str(address))}


@given(st.ip_addresses())
def test_what_is_public_is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert not any((address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified))


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://1.2.3.4.5/",
        "http://user@example.com/", "http://user:pw@example.com/", "http://@example.com/", "file:///etc/passwd", "ftp://x/",
        "example.com", "http://", "http:///x", "//example.com/", "http://a b/", "http://exa\nmple.com/", "http://a\\b/",
        "http://[::1/", "javascript:alert(1)", "", "http://" + "a" * 9_000, "http://example.com:99999/", "HTTP:/x",
    ],
)  # fmt: skip
def test_a_url_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(Unfit) as refused:
        parsed_url(url)
    assert refused.value.kind == "refused"


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "0{:o}", "{:#X}", "1.{}", "0x1.{}"]))
def test_no_number_is_taken_for_a_host(number: int, spelling: str) -> None:
    with pytest.raises(Unfit):
        parsed_url(f"http://{spelling.format(number)}/")


@given(st.text(max_size=40))
def test_no_text_breaks_the_url_check(text: str) -> None:
    for url in (text, "http://" + text, "http://example.com/" + text):
        try:
            found = parsed_url(url)
        except Unfit:
            continue
        assert found.scheme in ("http", "https")
        assert not found.userinfo


async def test_every_spelling_of_this_machine_is_refused_without_permission() -> None:
    async with serving(replying(b"secret")) as port:
        for host in (LOCAL, "localhost", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0"):
            assert refusal(await call("fetch", {"url": f"http://{host}:{port}/"}, allow_private=())).startswith("refused: ")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), ("9" * 400, None), ("soon", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
     ("Fri, 01 Jan 2999 00:00:00 GMT", 86_400.0), ("-5", None), ("²", None)],
)  # fmt: skip
def test_a_wait_is_read_from_its_header(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


def test_the_contracts_say_what_matters() -> None:
    specs = http_tools(HttpSettings(timeout_s=40)).specs
    assert {n: (s.effect, s.open_world, s.sensitive, dict(s.labels), s.timeout_s) for n, s in specs.items()} == {
        "http.fetch": ("read", True, ("url",), {"": "untrusted"}, 45.0),
        "http.post": ("irreversible", True, ("url",), {"": "untrusted"}, 45.0),
    }


def test_only_http_leaves_the_house() -> None:
    specs = builtin_tools().specs
    assert {s.namespace for s in specs.values()} == {"data", "files", "http", "text"}
    assert {n for n, s in specs.items() if s.open_world} == {"http.fetch", "http.post"}
