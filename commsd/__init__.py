"""commsd: the daemon that makes sure no customer contact goes unanswered."""

from zoneinfo import reset_tzpath

reset_tzpath(())  # the zones of the `tzdata` package alone: a host's own would give other due times on another host

__version__ = "0.1.0"
