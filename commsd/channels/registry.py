"""The channels there are. A new one is its folder and one line here."""

from commsd.channels.channel import Channel
from commsd.channels.mail.channel import MAIL

CHANNELS: tuple[Channel, ...] = (MAIL,)
