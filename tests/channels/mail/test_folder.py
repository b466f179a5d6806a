import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail.folder import Folder, decoded_name, encoded_name, listed, named_folder, sent_folder


def named(name: str, *attributes: str, separator: str = "/") -> Folder:
    return Folder(name=name, wire=encoded_name(name), attributes=frozenset(attributes), separator=separator)


@given(st.text())
def test_i14_a_name_survives_the_wire_and_stays_ascii_without_line_ends(name: str) -> None:
    wire = encoded_name(name)
    assert decoded_name(wire) == name
    assert all(" " <= c <= "~" for c in wire)


@pytest.mark.parametrize(
    ("name", "wire"),
    [  # the second is RFC 3501's own
        ("INBOX", "INBOX"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("A&B", "A&-B"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_names_are_written_as_the_rfc_says(name: str, wire: str) -> None:
    assert encoded_name(name) == wire
    assert decoded_name(wire) == name


@pytest.mark.parametrize("wire", ["&", "A&B", "&ZZ-", "&2D0-", "&!!-", "Utgås"])
def test_a_name_that_is_not_valid_stays_as_it_came(wire: str) -> None:
    assert decoded_name(wire) == wire


def test_folders_are_read_as_listed() -> None:
    found = listed(
        [
            (b'* LIST (\\HasNoChildren \\Sent) "." "INBOX.Sent \\"x\\""',),
            (b'* LIST (\\Noselect) NIL "top"',),
            (b'* LIST () "/" ', b"b{x}", b""),
            (b'* LIST () "/" ', b"a\r\nb", b""),
            (b"* LIST ()",),
            (b"* 3 EXISTS",),
        ]
    )
    assert [(one.name, one.separator, one.selectable) for one in found] == [
        ('INBOX.Sent "x"', ".", True), ("top", "", False), ("b{x}", "/", True),
    ]  # fmt: skip
    assert "\\sent" in found[0].attributes


@pytest.mark.parametrize(
    "name",
    ["Sent", "Sent Items", "SENT MESSAGES", "Gesendet", "Gesendete Elemente", "Sendt", "Sendte elementer", "Terkirim",
     "INBOX/Gesendet", "[Gmail]/Sent Mail"],
)  # fmt: skip
def test_i14_the_sent_folder_is_known_by_its_usual_names(name: str) -> None:
    folders = [named("INBOX"), named("Archive/2019/Sent"), named("Sentinel"), named(name), named("Trash")]
    assert sent_folder(folders) == folders[3]


def test_i14_the_servers_word_goes_before_a_usual_name() -> None:
    folders = [named("Sent"), named("Utgående", "\\sent")]
    assert sent_folder(folders) == folders[1]


def test_a_folder_that_holds_no_messages_is_not_chosen() -> None:
    assert sent_folder([named("Sent", "\\noselect"), named("Old", "\\sent", "\\nonexistent")]) is None


def test_of_two_usual_names_the_likelier_and_shallower_one_is_taken() -> None:
    folders = [named("Gesendet"), named("INBOX.Sent", separator="."), named("Sent")]
    assert sent_folder(folders) == folders[2]
    assert sent_folder(folders[:2]) == folders[1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Done", "Done"), ("done", "Done"), ("Erledigt", "INBOX.Erledigt"), ("Größe", "Gro\u0308ße"), ("Nowhere", None)],
)
def test_i14_a_folder_is_found_by_the_name_people_see(name: str, expected: str | None) -> None:
    folders = [
        named("INBOX", separator="."),
        named("INBOX.Erledigt", separator="."),
        named("Done"),
        named("Gro\u0308ße"),
        named("Nowhere", "\\noselect"),
    ]
    found = named_folder(folders, name)
    assert (found.name if found else None) == expected


def test_i14_of_two_folders_the_one_written_just_so_is_taken() -> None:
    folders = [named("INBOX/Done"), named("done"), named("Done")]
    assert named_folder(folders, "Done") == folders[2]
