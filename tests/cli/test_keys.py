"""Keys that end, that are good from some networks, that are changed for another; and what was done with keys."""

from commsd.crm.keys import Keys
from commsd.sla.rules.in_force import Rules
from commsd.store.log import Log
from commsd.world import real_world
from tests.cli.office import Office


def test_api_keys_a_key_is_listed_with_its_end_and_its_networks(office: Office) -> None:
    office.done("keys", "add", "crm", "--scope", "events:read", "--until", "90d", "--network", "192.0.2.7/24")
    (row,) = office.done("keys", "list", "--json").json
    assert row["networks"] == ["192.0.2.0/24"]
    assert row["expires_at"] > row["created_at"]
    assert row["last_used_at"] is None
    assert "from 192.0.2.0/24" in office.done("keys", "list").out
    assert office.commsd("keys", "add", "b", "--scope", "admin", "--until", "soon").code == 2
    assert office.commsd("keys", "add", "b", "--scope", "admin", "--until", "2020-01-01").code == 1
    assert office.commsd("keys", "add", "b", "--scope", "admin", "--network", "here").code == 1


def test_api_keys_a_rotated_key_is_good_beside_the_new_one_until_it_is_revoked_by_its_id(office: Office) -> None:
    old = office.done("keys", "add", "crm", "--scope", "events:read").out.splitlines()[-1]
    new = office.done("keys", "rotate", "crm", "--until", "1h").out.splitlines()[-1]

    def name(text: str) -> str:
        async def caller(log: Log, _rules: Rules) -> str:
            return (await Keys(log, real_world()).caller(text)).name

        return office.with_log(caller)

    assert (name(old), name(new)) == ("crm", "crm")
    assert office.commsd("keys", "rotate", "crm").code == 1
    office.done("keys", "revoke", old.split("_")[1])
    assert name(new) == "crm"
    assert office.commsd("keys", "rotate", "nobody").code == 1


def test_audit_tells_what_was_done_with_keys_and_can_be_asked_for_a_part(office: Office) -> None:
    assert "nothing was written down" in office.done("keys", "audit").out
    office.done("keys", "add", "crm", "--scope", "events:read")
    office.done("keys", "revoke", "crm")
    assert [row["what"] for row in office.done("keys", "audit", "--json").json] == ["key.added", "key.revoked"]
    assert "key.revoked" in office.done("keys", "audit").out
    assert [row["what"] for row in office.done("keys", "audit", "--what", "key.added", "--json").json] == ["key.added"]
    assert office.done("keys", "audit", "--since", "2040-01-01", "--json").json == []
    assert office.done("keys", "audit", "--caller", "key:crm", "--json").json == []
