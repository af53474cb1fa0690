"""Token counts are a real vocabulary's, whatever the text is."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from planner.llm.port import Message, ModelRequest
from planner.tokens import count_messages, count_tokens, estimate_usage
from planner.usage import Usage


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("Hello, world!", 4),
        ("antidisestablishmentarianism", 6),  # as OpenAI's cookbook has it
        ("お誕生日おめでとう", 8),  # as OpenAI's cookbook has it
        ("<|endoftext|>", 7),  # text, never a special token
        ("\ud800", 1),  # half a surrogate pair counts as the replacement it is sent as
    ],
)
def test_known_texts_have_their_known_counts(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_a_chat_is_its_texts_and_the_template_around_them() -> None:
    messages = (Message(role="system", content="hello world"), Message(role="user", content=""))
    assert count_messages(messages) == 3 + (3 + 1 + 2) + (3 + 1 + 0)


def test_a_call_that_nobody_reported_on_is_counted() -> None:
    request = ModelRequest(model="m", messages=(Message(role="user", content="hello world"),))
    expected = Usage(model_calls=1, input_tokens=9, output_tokens=2, estimated=True)
    assert estimate_usage(request, "hello world") == expected


@pytest.mark.parametrize(
    "piece", ["The quick brown fox. ", "a", " ", "日本語", "🤖", "\n", ".", "x9Zq"], ids=lambda p: ascii(p)
)
def test_ten_megabytes_take_seconds(piece: str) -> None:
    text = piece * (10_000_000 // len(piece.encode()))
    started = time.perf_counter()
    assert count_tokens(text) > 0
    assert time.perf_counter() - started < 10


def test_a_long_text_counts_like_its_parts() -> None:
    line = "Every line of this text is like every other.\n"
    assert abs(count_tokens(line * 30_000) - 30_000 * count_tokens(line)) <= 2


def test_counting_needs_no_network() -> None:
    code = """
import socket
def connect(*_): raise SystemExit("it went to the network")
socket.socket.connect = socket.getaddrinfo = connect
from planner.tokens import count_tokens
print(count_tokens("hello world"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "2\n"
