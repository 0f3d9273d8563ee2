"""Delivery status notifications written as mail servers write them."""

from __future__ import annotations

from collections.abc import Sequence

ID = "<0f" + "a1" * 15 + "@example.com>"


def recipient(action: str = "failed", status: str = "5.1.1", *more: str) -> str:
    """The fields about one recipient."""
    return "\n".join(["Final-Recipient: rfc822; ann@example.org", f"Action: {action}", f"Status: {status}", *more])


def report(
    *groups: str, to: str = "bounces@example.net", id: str | None = ID, quoted: str = "message/rfc822",
    kind: str = "delivery-status", about: str = "message/delivery-status", headers: Sequence[str] = (),
) -> bytes:
    """A report over these recipients; `quoted`: how it carries the mail it is about, "" for not at all."""
    lines = [
        "From: MAILER-DAEMON@relay.example.test (Mail Delivery System)", f"To: {to}", *headers,
        "Subject: Undelivered Mail Returned to Sender", "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="xyz"', "",
        "--xyz", "Content-Type: text/plain", "", "Sorry.", "",
        "--xyz", f"Content-Type: {about}", "", "Reporting-MTA: dns; relay.example.test", "",
        "\n\n".join(groups or (recipient(),)), "",
    ]
    if quoted:
        lines += ["--xyz", f"Content-Type: {quoted}", "", "From: status@example.com"]
        lines += [f"Message-ID: {id}"] if id is not None else []
        lines += ["Subject: Outage", "", "The text."]
    return "\n".join([*lines, "--xyz--", ""]).encode()
