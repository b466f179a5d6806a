"""Which duties a house runs: those of its channels, and those that keep promises, the log and its readers going."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from commsd.channels.channel import Channel, Means
from commsd.channels.mail.account import Mailbox, MailSettings
from commsd.channels.mail.alerting import Alerting
from commsd.channels.mail.heartbeat import Heartbeat
from commsd.channels.mail.logins import OAuthLogins
from commsd.channels.mail.notice import post_of
from commsd.channels.mail.watchman import Watchman
from commsd.config.settings import Config
from commsd.crm.idle import Idle
from commsd.crm.sequencer import Head, Sequencer
from commsd.crm.webhook.duty import Posting
from commsd.duty import Duty
from commsd.sla.notice.alarm import Exits
from commsd.sla.notice.digest import Digest
from commsd.sla.notice.dispatch import Dispatch
from commsd.sla.notice.escalation import Escalation
from commsd.sla.notice.post import Post
from commsd.sla.notice.route import webhooks
from commsd.sla.rules.in_force import Follow
from commsd.store.recovery import Recovery
from commsd.store.retention import Retention


def house_duties(config: Config, means: Means, head: Head) -> Sequence[Duty]:
    """Those that every house has, whatever channels it has."""
    firm, post = config.firm, post_for(config, means)
    store = (means.log, means.claims)
    measure = means.pulse.metrics.escalation_delay.observe
    return (
        Recovery(means.claims, means.world),
        Alerting(_mailboxes(config), firm, post, *store, means.world, means.pulse.metrics),
        Retention(*store, means.world, config.retention.originals, config.retention.events),
        Idle(*store, means.rules, means.world, config.retention.contacts_idle),
        Follow(means.rules, means.world),
        Sequencer(means.log, means.claims, means.world, head),
        _posting(config, means, head, post),
        Escalation(firm, post, *store, means.rules, means.world, measure),
        Dispatch(firm, post, *store, means.world),
        Digest(firm, post, config.notices.digest, *store, means.rules, means.world),
        webhooks(*store, means.world, means.pulse.metrics),
        *_alarm_duties(config, means, post),
    )


def _posting(config: Config, means: Means, head: Head, post: Post) -> Duty:
    return Posting(
        means.log,
        means.claims,
        means.world,
        means.pulse.metrics,
        head=head,
        exits=config.webhooks,
        key=means.key,
        firm=config.firm,
        notices=post,
    )


def _alarm_duties(config: Config, means: Means, post: Post) -> Sequence[Duty]:
    """Those that see that the others do their work, as `[alarms]` says."""
    alarms, boxes, firm = config.alarms, _mailboxes(config), config.firm
    store = (means.log, means.claims, means.world)
    able = {name: box.smtp for name, box in boxes.items() if box.smtp}
    posts = {name: post_of(boxes, name, alarms.tell, firm, means.key) for name in able}
    exits = Exits(posts=posts, hosts={name: smtp.host for name, smtp in able.items()}, preferred=post)
    logins = OAuthLogins(boxes, means).read
    watchman = Watchman(boxes, alarms.unread_for, bool(alarms.heartbeat), exits, firm, *store, means.pulse, logins)
    duties: list[Duty] = [watchman]
    if alarms.heartbeat:
        duties.append(Heartbeat(boxes, alarms.heartbeat, means.key, *store))
    if alarms.ping_url:
        from commsd.channels.mail.ping import Ping  # aiohttp, 7 MB

        duties.append(Ping(alarms.ping_url, lambda: watchman.well, means.world, means.pulse.metrics))
    return duties


def channel_duties(config: Config, means: Means, channels: Sequence[Channel]) -> Sequence[Duty]:
    """Those of the channels that are configured."""
    return [duty for channel in channels for duty in channel.duties(config.settings[channel.name], means)]


def _mailboxes(config: Config) -> Mapping[str, Mailbox]:
    mail: MailSettings | None = config.settings.get("mail")
    return mail.mailboxes if mail else {}


def post_for(config: Config, means: Means) -> Post:
    """How notices to our people leave."""
    post = post_of(_mailboxes(config), config.notices.mailbox, config.alarms.tell, config.firm, means.key)
    shared = config.http.public and config.http.public_listen == config.http.listen
    return replace(post, board=config.firm.public_url if shared else None)
