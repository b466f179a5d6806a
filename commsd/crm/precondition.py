"""What a record must be for a change to be made, and how a request says so: RFC 9110 section 13.1. Pure.

The ETag of a contact or an organisation is its revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from commsd.crm.fault import Invalid
from commsd.errors import OtherRevision


@dataclass(frozen=True, slots=True)
class Expected:
    """What the record must be for the change to be made. revisions: one of these; () for any. absent: it is new."""

    revisions: tuple[int, ...] = ()
    present: bool = False
    absent: bool = False

    def must_hold(self, revision: int | None) -> None:
        """Raises OtherRevision where it does not. revision: None where there is no record yet."""
        if self.absent and revision is not None:
            raise OtherRevision("the record is there already", remedy="leave `If-None-Match` out to change it")
        if (self.present or self.revisions) and revision is None:
            raise OtherRevision("there is no such record yet", remedy="leave `If-Match` out to make it")
        if self.revisions and revision not in self.revisions:
            what = f"the record is at revision {revision} by now"
            raise OtherRevision(what, remedy="read it again, then send your change")


ANY = Expected()


def etag_of(revision: int) -> Mapping[str, str]:
    """The header that names a revision."""
    return {"ETag": f'"{revision}"'}


def expected_of(headers: Mapping[str, str]) -> Expected:
    """What `If-Match` and `If-None-Match: *` say. headers: their names in lower case. Raises Invalid."""
    match, none = headers.get("if-match"), headers.get("if-none-match")
    if none is not None and none.strip() != "*":
        raise Invalid("If-None-Match cannot be used so here", remedy="write * to make a record only where none is")
    if match is None or match.strip() == "*":
        return Expected(present=match is not None, absent=none is not None)
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in match.split(",")]
    if not all(tag.isascii() and tag.isdigit() and len(tag) < 10 for tag in tags):
        raise Invalid("If-Match names no revision", remedy='give the ETag back as it came, such as "3"')
    return Expected(revisions=tuple(map(int, tags)), absent=none is not None)
