"""Sender: one notification, posted once: to an address that was checked, within bounds of time, without redirects.

POST <url>
Content-Type: application/a2a+json
Authorization: <scheme> <credentials>            as the client has configured
X-A2A-Notification-Token: <token>                as the client has configured
X-A2A-Notification-Id: <task>/<configuration>/<event>.<part>      the same whenever it is sent again
X-A2A-Notification-Signature: <JWT>              by the card's keys, over the body's SHA-256
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from a2a_node.push.signature import Signer
from a2a_node.push.target import Target, Targets
from a2a_node.push.wires import Wires
from executor.builtin.handle import Unfit
from executor.builtin.pages import retry_after_s

MEDIA_TYPE, OLD_MEDIA_TYPE = "application/a2a+json", "application/json"
_VERSION, _OLD_VERSION = "1.0", "0.3"
_AGENT = "planrail"
_GONE = 410  # the receiver says that it will never want to hear of it again


@dataclass(frozen=True)
class Notification:
    """What is told: its id, which stays the same however often it is sent, the task that it is about, and its body."""

    id: str
    task: str
    content: bytes


@dataclass(frozen=True)
class Unheard:
    """It did not arrive: why, when the receiver wants it again, and whether it never will."""

    problem: str
    again_s: float | None = None
    for_good: bool = False


class Sender:
    """Posts notifications."""

    def __init__(self, wires: Wires, targets: Targets, signer: Signer, *, timeout_s: float) -> None:
        self._wires = wires
        self._targets = targets
        self._signer = signer
        self._timeout_s = timeout_s

    async def send(self, target: Target, notification: Notification) -> Unheard | None:
        """Post it; None where the receiver has taken it. A problem's words hold nothing of the URL but its host."""
        headers = _headers(target, notification)
        try:
            url = self._targets.checked_url(target.url)
            headers |= await self._signer.headers(target, notification.id, notification.task, notification.content)
            answer = await self._wires.post(url, headers, notification.content)
        except TimeoutError:
            return Unheard(f"No answer within {self._timeout_s:g} s.")
        except Unfit as unfit:
            return Unheard(unfit.message)
        if 200 <= answer.status < 300:
            return None
        redirect = "; redirects are not followed" if 300 <= answer.status < 400 else ""
        return Unheard(
            f"The receiver answered with status {answer.status}{redirect}.",
            retry_after_s(answer.headers.get("retry-after")),
            answer.status == _GONE,
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._wires.close()


def _headers(target: Target, notification: Notification) -> dict[str, str]:
    told: Mapping[str, str] = {
        "User-Agent": _AGENT,
        "Content-Type": OLD_MEDIA_TYPE if target.old else MEDIA_TYPE,
        "A2A-Version": _OLD_VERSION if target.old else _VERSION,
        "X-A2A-Notification-Id": notification.id,
        "X-A2A-Notification-Token": target.token,
        "Authorization": f"{target.scheme} {target.credentials}" if target.scheme and target.credentials else "",
    }
    return {name: value for name, value in told.items() if value}
