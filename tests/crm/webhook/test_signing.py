"""Posts are signed so that others' libraries know them for ours. crm-ops.md WHK-1."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from commsd.crm.webhook import signing
from commsd.crm.webhook.keeping import OVERLAP, Kept, opened, rotated, sealed
from commsd.errors import Refused
from commsd.world import real_world

EVENT = "01957a3e-0000-7000-8000-000000000001"
BODY = '{"type":"commsd.call.missed.v1","data":{"name":"Ångström"}}'.encode()
ONE, OTHER = (signing.secret_of(bytes([number]) * 32) for number in (1, 2))
KEY = b"a key of thirty-two random bytes"
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


def signed(*secrets: str) -> dict[str, str]:
    return signing.headers(EVENT, real_world().now(), BODY, secrets)


def test_whk_1_the_official_library_verifies_a_post() -> None:
    headers = signed(ONE)
    assert Webhook(ONE).verify(BODY, headers)["type"] == "commsd.call.missed.v1"
    assert headers["webhook-id"] == EVENT


@pytest.mark.parametrize("broken", ["id", "timestamp", "body", "secret"])
def test_whk_1_the_official_library_refuses_what_was_changed(broken: str) -> None:
    headers, body, secret = signed(ONE), BODY, ONE
    match broken:
        case "id":
            headers["webhook-id"] = EVENT[:-1] + "2"
        case "timestamp":
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
        case "body":
            body = BODY + b" "
        case "secret":
            secret = OTHER
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_whk_1_while_a_secret_is_rotated_both_verify() -> None:
    headers = signed(ONE, OTHER)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (ONE, OTHER):
        assert Webhook(secret).verify(BODY, headers)


def test_whk_1_a_new_secret_has_a_length_the_standard_wants() -> None:
    assert ONE.startswith("whsec_")
    assert 24 <= len(base64.b64decode(ONE.removeprefix("whsec_"))) <= 64


def test_whk_1_with_ed25519_the_receiver_verifies_and_holds_no_secret() -> None:
    private = signing.private_of(bytes(range(32)))
    public = signing.shown(private)
    headers = signed(private)
    version, _, text = headers["webhook-signature"].partition(",")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    message = f"{EVENT}.{headers['webhook-timestamp']}.".encode() + BODY
    key.verify(base64.b64decode(text), message)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(text), message + b" ")
    assert (version, public[:5]) == ("v1a", "whpk_")
    assert private.removeprefix("whsk_") not in public


def test_secrets_at_rest_tell_nobody_anything_without_the_houses_key() -> None:
    kept = sealed((Kept(secret=ONE),), KEY)
    assert ONE.removeprefix("whsec_").encode() not in kept
    assert [each.secret for each in opened(kept, KEY, NOW)] == [ONE]
    with pytest.raises(Refused, match="another key"):
        opened(kept, b"another key of thirty-two bytes.", NOW)
    assert ONE not in repr(Kept(secret=ONE))


def test_whk_1_a_rotated_secret_signs_for_a_day_more_and_no_rotation_makes_that_longer() -> None:
    first = rotated((Kept(secret=ONE),), OTHER, NOW)
    assert [each.secret for each in opened(sealed(first, KEY), KEY, NOW)] == [OTHER, ONE]
    later = NOW + timedelta(hours=20)
    third = sealed(rotated(first, "whsec_third", later), KEY)
    assert [each.secret for each in opened(third, KEY, later)] == ["whsec_third", OTHER, ONE]
    assert [each.secret for each in opened(third, KEY, NOW + OVERLAP)] == ["whsec_third", OTHER]
    assert [each.secret for each in opened(third, KEY, later + OVERLAP)] == ["whsec_third"]
