"""commsd: the daemon that makes sure no customer contact goes unanswered."""

__version__ = "0.1.0"
