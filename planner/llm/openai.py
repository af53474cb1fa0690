"""OpenAI's Chat Completions, and every endpoint that speaks them: vLLM, Ollama, and most vendors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from planner.errors import ModelError, ModelMisconfigured, ModelRefused, ModelUnavailable
from planner.here import outgoing
from planner.llm.answer import Answer
from planner.llm.blame import blame_event, blame_status, broken_off, clip, read_retry_after, redact, unreachable
from planner.llm.dialect import Dialect
from planner.llm.port import ModelReply, ModelRequest, Piece
from planner.prices import Prices, priced
from planner.usage import Usage

if TYPE_CHECKING:
    from openai import APIError, AsyncStream
    from openai.types.chat import ChatCompletionChunk

OPENAI_URL = "https://api.openai.com/v1"
_UNBILLED = Usage(model_calls=1)


class _Misspelt(Exception):  # no failure yet: the call is spelt again
    """The endpoint refuses a parameter; `complaint` is what it says."""

    def __init__(self, complaint: str, error: ModelError) -> None:
        self.complaint = complaint
        self.error = error


class OpenAIModel:
    """A `Model` at an OpenAI-compatible endpoint. It never retries: `Retrying` does, and adds up what it costs.

    `api_key` may be None where the endpoint asks for none. `clock` tells the time that a `Retry-After` date is held against.
    """

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None = None,
        *,
        prices: Prices | None = None,
        connect_timeout_s: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        import openai  # noqa: PLC0415  # 0.8 s that a run without a model never needs

        _check_settings(api_key, base_url)
        self._openai = openai
        self._key = api_key
        self._prices = prices
        self._clock = clock
        self._default = Dialect.of(base_url or OPENAI_URL)
        self._dialects: dict[str, Dialect] = {}
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",
            base_url=base_url or OPENAI_URL,
            max_retries=0,
            timeout=openai.Timeout(None, connect=connect_timeout_s),
        )

    async def aclose(self) -> None:
        """Close the connections that are kept open between calls."""
        await self._client.close()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        answer = Answer(request)
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        chunks = await self._open(request, deadline)
        try:
            async with aclosing(self._texts(chunks, answer, deadline)) as texts:
                async for text in texts:
                    yield text
        finally:
            await chunks.close()
        yield self._reply(answer)

    async def _open(self, request: ModelRequest, deadline: float) -> AsyncStream[ChatCompletionChunk]:
        """Send the request in the spelling that its model is known to take, and learn another if it refuses that."""
        dialect = self._dialects.get(request.model, self._default)
        tried: set[Dialect] = set()
        while True:
            tried.add(dialect)
            try:
                chunks = await self._send(dialect, request, deadline)
            except _Misspelt as refused:
                plainer = dialect.without(refused.complaint, called=bool(request.tools))
                if plainer is None or plainer in tried:
                    raise refused.error from None
                dialect = plainer
            else:
                self._dialects[request.model] = dialect
                return chunks

    async def _send(self, dialect: Dialect, request: ModelRequest, deadline: float) -> AsyncStream[ChatCompletionChunk]:
        with self._blaming(request, None):
            async with asyncio.timeout_at(deadline):
                chunks: AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(
                    **dialect.parameters(request), stream=True, extra_headers=outgoing() or None
                )
                return chunks

    async def _texts(
        self, chunks: AsyncStream[ChatCompletionChunk], answer: Answer, deadline: float
    ) -> AsyncGenerator[str, None]:
        iterator = aiter(chunks)
        while not answer.is_endless():
            try:
                with self._blaming(answer.request, answer):
                    async with asyncio.timeout_at(deadline):
                        text = answer.add(await anext(iterator))
            except StopAsyncIteration:
                return
            except ModelUnavailable:
                if answer.finish is None:
                    raise
                return  # all is said; only the end of the line is missing
            if text:
                yield text
        answer.finish = "length"

    def _reply(self, answer: Answer) -> ModelReply:
        usage = self._priced(answer)
        if answer.refusal or answer.finish == "content_filter":
            raise ModelRefused(f"The model declined: {clip(answer.refusal) or 'its content filter stopped it'}", usage=usage)
        if answer.finish is None:
            raise broken_off("the stream ended before the answer did", usage=usage)
        calls = answer.calls(plain=not self._dialects.get(answer.request.model, self._default).functions)
        return ModelReply(
            text=answer.text,
            usage=usage,
            model=answer.model,
            finish="length" if answer.finish == "length" else "stop",
            calls=calls,
        )

    def _priced(self, answer: Answer) -> Usage:
        return priced(answer.usage, self._prices, answer.request.model, answer.model)

    @contextmanager
    def _blaming(self, request: ModelRequest, answer: Answer | None) -> Iterator[None]:
        """Turn the client's errors into ours; `answer` is None until the endpoint has begun to answer."""
        try:
            yield
        except TimeoutError:
            usage = self._priced(answer or Answer(request))
            raise ModelUnavailable(f"The model did not answer within {request.timeout_s:g} s.", usage=usage) from None
        except self._openai.APIError as error:
            raise self._blame(error, answer) from None
        except (ValueError, AttributeError, TypeError) as error:  # a line that is no JSON, a chunk that is no chunk
            if answer is None:
                raise ModelError(f"The request cannot be sent: {clip(str(error))}", usage=_UNBILLED) from None
            raise broken_off(f"it is not what the API promises ({error})", usage=self._priced(answer)) from None

    def _blame(self, error: APIError, answer: Answer | None) -> ModelError | _Misspelt:
        said = redact(_message(error), self._key)
        usage = _UNBILLED if answer is None else self._priced(answer)
        match error:
            case self._openai.APIStatusError():
                wish = read_retry_after(error.response.headers.get("retry-after", ""), self._clock())
                ours = blame_status(error.status_code, error.code or "", said, usage=usage, retry_after_s=wish)
                misspelt = error.status_code in (400, 422) and not isinstance(ours, ModelRefused)
                return _Misspelt(f"{error.param} {said}", ours) if misspelt else ours
            case self._openai.APIConnectionError() if answer is None:
                return unreachable(said, usage=usage)
            case self._openai.APIConnectionError():
                return broken_off(said, usage=usage)
            case _:
                return blame_event(error.code or "", said, usage=usage)


def _message(error: APIError) -> str:
    """The vendor's own sentence where there is one; for a transport's failure, its reason."""
    match error.body:
        case {"message": str(message)}:
            return message
        case None:
            return str(error.__cause__ or error.message) or type(error.__cause__).__name__
        case _:
            return error.message


def _check_settings(api_key: str | None, base_url: str | None) -> None:
    if base_url is not None and not (base_url.startswith(("http://", "https://")) and urlsplit(base_url).hostname):
        raise ModelMisconfigured("The model's address is no http URL.", hint="Check OPENAI_BASE_URL.")
    if api_key is None and base_url is None:
        raise ModelMisconfigured("OpenAI wants a key.", hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for another endpoint.")
    if api_key is not None and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise ModelMisconfigured("The model's key holds characters that no key has.", hint="Check OPENAI_API_KEY.")
