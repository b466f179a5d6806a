"""What records, fields and events mean, in the words a CRM developer reads: in schemas, OpenAPI and /docs. Pure."""

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "interaction": "One touch between a contact and us on one channel: a fact. What becomes known later is a further "
    "revision of the same id.",
    "contact": "A person with mail addresses, numbers, language, tier, owner and wishes.",
    "organisation": "The firm that people belong to, known by its domains and switchboard numbers.",
    "case": "One matter with one contact over all channels.",
    "callback": "A call that we owe; one open per line and number.",
    "clock": "A promise with a due time. Read state, due_at and stopped_at.",
    "rules": "The service level rules as of one version. There is one such thing.",
    "channel": "A mailbox or a line, and whether it does its work.",
}

SAID: Mapping[str, Mapping[str, str]] = {
    "interaction": {
        "outcome": "Open; null for internal kinds; today: pending, reached, missed, left_message, not_reached, failed, "
        "cancelled, suppressed. A call is published only when its verdict is known.",
        "status_raw": "The provider's own word.",
        "reason": "Why, such as no-ack:list.",
        "occurred_at": "Inbound: when it reached us. Outbound: when it left us.",
        "recorded_at": "When it was committed here.",
        "promised_at": "On an acknowledgement: the time the customer was told.",
        "partial": "An answer that does not answer yet.",
        "in_reply_to": "The interaction that it answers.",
        "caused_by": "The interaction that made us do it.",
        "raw": "The original as it came; its bytes are read with the scope bodies:read.",
        "external_ids": "What others call it: rfc5322.message-id, twilio.call-sid, a CRM's name.",
        "clocks": "The case's clocks as of this revision; the truth is the clock.* events.",
        "detail": "What only some kinds carry.",
    },
    "contact": {
        "identities": "By what the contact is known: email, phone (E.164), or another system's name with its id. "
        "Personal: null without the scope events:read:pii, and after erasure.",
        "merged_into": "The contact that speaks for this one now.",
        "blocked": "What comes from here is kept and makes no callback.",
        "owner": "The id of the agent whose contact it is.",
    },
    "organisation": {
        "merged_into": "The organisation that speaks for this one now.",
        "deleted_at": "Since when it is none any more; nothing but its id is kept.",
    },
    "case": {
        "related_to": "The closed case that this one goes on from.",
        "merged_into": "The case that holds what was said in this one.",
        "closes_at": "When it closes by itself, if nothing happens.",
    },
    "callback": {
        "misses": "Ids of the missed calls that it answers, oldest first.",
        "held": "Why no machine rings it.",
        "wish_ended_at": "When the wish that it was held for was taken back.",
        "due_at": "By when, or from when on where asked_at_time is true.",
    },
    "clock": {
        "n": "The how manyth of its kind in the case.",
        "promised_at": "What the customer was told.",
        "elapsed_ms": "Open time in whole milliseconds until the stop, or until it was last looked at.",
        "waited_ms": "The same in the customer's real time.",
    },
}

EVENTS: Mapping[str, Mapping[str, str]] = {
    "interaction": {
        "recorded": "Something happened. A call comes once, with its verdict.",
        "updated": "More is known of it: a further revision.",
        "erased": "What was personal in it is gone; erase it too.",
    },
    "contact": {
        "created": "Somebody new.",
        "updated": "Something about the person changed.",
        "merged": "Two records were one person: merged_into speaks for this one now.",
        "split": "One record was two people.",
        "erased": "What was personal is gone; erase it too.",
    },
    "organisation": {
        "created": "A new firm.",
        "updated": "Something about the firm changed.",
        "merged": "Two records were one firm: merged_into speaks for this one now; its people are told one by one.",
        "deleted": "It is none any more; its people stay.",
    },
    "case": {
        "opened": "A new matter.",
        "updated": "Priority, owner, team or contact changed.",
        "held": "It waits, for the customer as a rule.",
        "released": "It waits no longer.",
        "closed": "Done; close_reason says how.",
        "reopened": "It goes on.",
        "merged": "It went into another case: merged_into.",
    },
    "clock": {
        "started": "We owe something by due_at.",
        "paused": "Time does not count for now.",
        "resumed": "It counts again.",
        "warned": "It will be late soon.",
        "breached": "It is late; `time` is the moment it became so.",
        "met": "Done in time.",
        "stopped": "Done, and it was late: the breach told before stands, stopped_at says how late it was.",
        "cancelled": "Owed no longer; reason says why.",
        "retargeted": "Its due time moved.",
        "corrected": "A verdict already published was wrong; this is the right one.",
    },
    "callback": {
        "opened": "A call is owed.",
        "updated": "Something about it changed.",
        "claimed": "Somebody took it.",
        "released": "It was given back.",
        "attempted": "We rang.",
        "escalated": "A person has to look at it.",
        "held": "No machine rings it until a person says so.",
        "closed": "Owed no longer; close_reason says why.",
        "reopened": "Owed again.",
    },
    "channel": {
        "degraded": "A mailbox or line does not do its work; reason says why.",
        "recovered": "It works again.",
    },
    "rules": {"changed": "Other service level rules were accepted; effective_from says since when."},
}
"""thing -> what happened -> what it means. All that the feed tells."""
