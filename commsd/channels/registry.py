"""The channels there are. A new one is its folder and one line here."""

from commsd.channels.channel import Channel
from commsd.channels.mail.channel import MAIL
from commsd.channels.manual.channel import MANUAL
from commsd.channels.phone.channel import PHONE

CHANNELS: tuple[Channel, ...] = (MAIL, PHONE, MANUAL)
