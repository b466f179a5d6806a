"""What else Twilio keeps for an account, in the stand-in: recordings with their sound, our numbers, the balance.

The sound is silence of the right length. Left out: buying and releasing numbers, recordings of bridged calls.
"""

import io
import wave
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import JSONResponse, Response

from commsd.demo.exchange_answer import Handler, RestRequest, dated, not_found, paged
from commsd.demo.exchange_call import API_VERSION, Recording, rfc2822, sid
from commsd.demo.exchange_office import Office

_RATE = 8000
_MP3_FRAME = bytes.fromhex("fffb90c4") + bytes(413)
"""26 ms of silence, MPEG-1 layer III, 128 kbit/s, 44.1 kHz."""

_FRAME_SECONDS = 0.026


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingNumber:
    """How one of our numbers is set up in Twilio's console. None: the usual path below the exchange's public_url."""

    voice_url: str | None = None
    status_callback: str | None = None
    message_url: str | None = None
    fallback_url: str | None = None


@dataclass(slots=True, kw_only=True)
class Shelf:
    """Recordings, numbers, balance.

    sounds: recording sid -> (bytes, content type) that are served instead of silence.
    """

    office: Office
    public_url: Callable[[], str]
    numbers: MutableMapping[str, IncomingNumber]
    sounds: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    balance: str = "25.00"

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """path below the account, method, handler. The sound's ending decides its format; none means WAV."""
        return (
            ("/Recordings.json", "GET", self._list),
            ("/Calls/{call}/Recordings.json", "GET", self._list),
            ("/Recordings/{sid}.json", "GET", self._fetch),
            ("/Recordings/{sid}.json", "DELETE", self._delete),
            ("/Recordings/{sid}.mp3", "GET", self._mp3),
            ("/Recordings/{sid}.wav", "GET", self._wav),
            ("/Recordings/{sid}", "GET", self._wav),
            ("/IncomingPhoneNumbers.json", "GET", self._numbers),
            ("/IncomingPhoneNumbers/{sid}.json", "GET", self._number),
            ("/IncomingPhoneNumbers/{sid}.json", "POST", self._set_number),
            ("/Balance.json", "GET", self._balance),
        )

    def _recording(self, name: str, path: str) -> Recording:
        try:
            return self.office.recordings[name]
        except KeyError:
            raise not_found(path) from None

    def _fetch(self, path: Mapping[str, str], request: RestRequest) -> Response:
        return JSONResponse(self._recording_record(self._recording(path["sid"], request.path)))

    def _delete(self, path: Mapping[str, str], request: RestRequest) -> Response:
        self._recording(path["sid"], request.path)
        del self.office.recordings[path["sid"]]
        return Response(status_code=204)

    def _list(self, path: Mapping[str, str], request: RestRequest) -> Response:
        query = dict(request.query)
        call = path.get("call") or query.get("CallSid")
        found = [
            self._recording_record(recording)
            for recording in reversed(self.office.recordings.values())
            if call in (None, "", recording.call_sid) and dated(query, "DateCreated", recording.at)
        ]
        return paged("recordings", found, request)

    def _wav(self, path: Mapping[str, str], request: RestRequest) -> Response:
        recording = self._recording(path["sid"], request.path)
        body, kind = self.sounds.get(recording.sid) or (_silence(recording.seconds), "audio/x-wav")
        return Response(body, media_type=kind)

    def _mp3(self, path: Mapping[str, str], request: RestRequest) -> Response:
        recording = self._recording(path["sid"], request.path)
        silence = _MP3_FRAME * max(round(recording.seconds / _FRAME_SECONDS), 1)
        body, kind = self.sounds.get(recording.sid) or (silence, "audio/mpeg")
        return Response(body, media_type=kind)

    def _recording_record(self, recording: Recording) -> dict[str, Any]:
        account = self.office.account_sid
        uri, at = f"/{API_VERSION}/Accounts/{account}/Recordings/{recording.sid}", rfc2822(recording.at)
        return {
            "sid": recording.sid,
            "account_sid": account,
            "api_version": API_VERSION,
            "call_sid": recording.call_sid,
            "conference_sid": None,
            "date_created": at,
            "date_updated": at,
            "start_time": at,
            "duration": str(round(recording.seconds)),
            "price": None,
            "price_unit": "USD",
            "status": "completed",
            "channels": 1,
            "source": "RecordVerb",
            "error_code": None,
            "uri": f"{uri}.json",
            "encryption_details": None,
            "subresource_uris": {"transcriptions": f"{uri}/Transcriptions.json"},
            "media_url": f"https://api.twilio.com{uri}",
        }

    def _numbers(self, _path: Mapping[str, str], request: RestRequest) -> Response:
        wanted = dict(request.query).get("PhoneNumber", "").replace("*", "")
        found = [self._number_record(number) for number in self.numbers if wanted in number]
        return paged("incoming_phone_numbers", found, request)

    def _number(self, path: Mapping[str, str], request: RestRequest) -> Response:
        return JSONResponse(self._number_record(self._number_of(path["sid"], request)))

    def _set_number(self, path: Mapping[str, str], request: RestRequest) -> Response:
        number, form = self._number_of(path["sid"], request), dict(request.form)
        known = self.numbers[number]
        self.numbers[number] = replace(
            known,
            voice_url=form.get("VoiceUrl", known.voice_url),
            status_callback=form.get("StatusCallback", known.status_callback),
            message_url=form.get("SmsUrl", known.message_url),
            fallback_url=form.get("VoiceFallbackUrl", known.fallback_url),
        )
        return JSONResponse(self._number_record(number))

    def _number_of(self, name: str, request: RestRequest) -> str:
        found = next((number for number in self.numbers if _number_sid(number) == name), None)
        if found is None:
            raise not_found(request.path)
        return found

    def _number_record(self, number: str) -> dict[str, Any]:
        account, set_up, base = self.office.account_sid, self.numbers[number], self.public_url()
        name, began = _number_sid(number), rfc2822(self.office.began_at)
        return {
            "sid": name,
            "account_sid": account,
            "address_requirements": "none",
            "address_sid": None,
            "api_version": API_VERSION,
            "beta": False,
            "bundle_sid": None,
            "capabilities": {"fax": False, "mms": False, "sms": True, "voice": True},
            "date_created": began,
            "date_updated": began,
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "friendly_name": number,
            "identity_sid": None,
            "origin": "twilio",
            "phone_number": number,
            "sms_application_sid": None,
            "sms_fallback_method": "POST",
            "sms_fallback_url": "",
            "sms_method": "POST",
            "sms_url": f"{base}/twilio/message" if set_up.message_url is None else set_up.message_url,
            "status": "in-use",
            "status_callback": f"{base}/twilio/call-status"
            if set_up.status_callback is None
            else set_up.status_callback,
            "status_callback_method": "POST",
            "trunk_sid": None,
            "type": None,
            "uri": f"/{API_VERSION}/Accounts/{account}/IncomingPhoneNumbers/{name}.json",
            "voice_application_sid": None,
            "voice_caller_id_lookup": False,
            "voice_fallback_method": "POST",
            "voice_fallback_url": set_up.fallback_url or "",
            "voice_method": "POST",
            "voice_receive_mode": "voice",
            "voice_url": f"{base}/twilio/voice" if set_up.voice_url is None else set_up.voice_url,
        }

    def _balance(self, _path: Mapping[str, str], _request: RestRequest) -> Response:
        return JSONResponse({"account_sid": self.office.account_sid, "balance": self.balance, "currency": "USD"})


def _number_sid(number: str) -> str:
    return sid("PN", lambda: number)


def _silence(seconds: float) -> bytes:
    """A WAV file: 16 bit, 8 kHz, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(bytes(2 * round(_RATE * seconds)))
    return file.getvalue()
