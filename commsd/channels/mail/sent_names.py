"""The names in a mailbox's `sent`, told apart: a folder of its own, or another mailbox, which reads its own. Pure.

Mistakes are noted on the table. Whether a folder is there, `check --online` says.
"""

from collections.abc import Iterable, Iterator, Mapping

from commsd.config.read import Table, did_you_mean

AUTO = "auto"
"""The folder that the server marks as Sent, or one of the usual names."""

LONGEST = 150
"""Characters of a folder's name; it is part of the name its progress is kept under."""


def own_folders(
    table: Table, names: tuple[str, ...], mailboxes: Mapping[str, tuple[str, ...]], agents: Iterable[str]
) -> tuple[str, ...]:
    """The Sent folders that are this mailbox's own, each once. mailboxes: every mailbox with its `sent` as written."""
    known = frozenset(agents)
    return tuple(dict.fromkeys(_own(table, names, mailboxes, known)))


def must_be_folder(table: Table, key: str, name: str, item: int) -> bool:
    """Whether a folder can be called so; else a finding."""
    if len(name) <= LONGEST and name.isprintable():
        return True
    table.error(key, f"{key}: no folder has such a name", "write it as your mail program shows it", item)
    return False


def _own(
    table: Table, names: tuple[str, ...], mailboxes: Mapping[str, tuple[str, ...]], agents: frozenset[str]
) -> Iterator[str]:
    for item, name in enumerate(names):
        if name == AUTO:
            yield name
        elif name == table.name:
            table.error(
                "sent", f'sent: "{name}" is this mailbox itself', f'write "{AUTO}" for its own Sent folder', item
            )
        elif name in mailboxes:
            _must_read_its_own(table, name, mailboxes, item)
        elif near := [each for each in mailboxes if each.casefold() == name.casefold()]:
            table.error("sent", f'sent: no mailbox "{name}"', did_you_mean(name, near), item)
        elif name in agents:
            what = f'sent: "{name}" is an agent, and no mailbox is called so'
            table.error("sent", what, f'add their mailbox: [mailbox.{name}] with role = "sent-only"', item)
        elif must_be_folder(table, "sent", name, item):
            yield name


def _must_read_its_own(table: Table, name: str, mailboxes: Mapping[str, tuple[str, ...]], item: int) -> None:
    if all(each in mailboxes for each in mailboxes[name]):
        what = f"sent: [mailbox.{name}] reads no Sent folder of its own"
        table.error("sent", what, f'write sent = ["{AUTO}"] in [mailbox.{name}]', item)
