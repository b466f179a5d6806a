"""Why a mail got no acknowledgement, as a sentence for whoever asks. Pure.

The rules stand in `channels.mail.suppression`, `core.rate_limit` and around them; mail.md section 1 numbers them.
"""

from collections.abc import Mapping

NO_ACK = "no-ack:"

SENTENCES: Mapping[str, str] = {
    "unparsable": "the mail could not be read, so nobody knows who wrote",
    "null-return-path": "it was sent from nobody (an empty Return-Path), as bounces are",
    "report": "it is a report about a mail: a bounce, a receipt or a complaint",
    "auto-submitted": "its Auto-Submitted field says that a program wrote it",
    "precedence": "its Precedence field says bulk, list, junk or automatic answer",
    "list": "it came through a mailing list, as a newsletter does",
    "response-suppressed": "it asks for no automatic answer (X-Auto-Response-Suppress)",
    "robot-header": "it bears a field that only programs write",
    "robot-sender": "its sender's address is one of a program, such as noreply@ or mailer-daemon@",
    "no-sender": "it names nobody who could be answered",
    "own-address": "it was written by one of us, or from an address of ours",
    "own-ack": "it answers an acknowledgement of ours as only a program does",
    "auto-reply-subject": "its subject is that of an automatic answer, such as an absence note",
    "bounce-subject": "its subject is that of a bounce, and nobody wrote anything in it",
    "calendar": "it is a calendar's message, not a letter",
    "spam": "the mail server marked it as spam",
    "dmarc-fail": "the mail server says that its sender is forged",
    "dmarc-report": "it is a DMARC report of another mail server",
    "too-old": "it was too old when it was seen, or from before commsd watched this mailbox",
    "budget": "this address had as many acknowledgements as it gets within a while; answer by hand",
    "same-subject": "this address had three acknowledgements on the same subject within an hour; answer by hand",
    "refused-before": "this address refused or bounced an acknowledgement in the last 60 days; answer by hand",
    "duplicate": "it is a further copy of a mail that was decided before",
    "in-conversation": "the writer had one in this matter already (follow_up)",
    "observe": "commsd only observes here (mode or role), so nothing is sent to customers",
    "paused": "acknowledgements were paused for too long to send it still; answer by hand",
    "log": "nobody is acknowledged from a log mailbox",
}
"""By reason, without its prefix."""


def sentence(reason: str | None) -> str:
    """The sentence for a reason as it is recorded, such as `no-ack:list`; empty where there is none."""
    return SENTENCES.get(reason.removeprefix(NO_ACK), "") if reason and reason.startswith(NO_ACK) else ""
