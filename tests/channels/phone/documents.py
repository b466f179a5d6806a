"""Reads TwiML as a test looks at it: held to Twilio's table of verbs, its ways on, its words."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urldefrag
from xml.etree import ElementTree

from tests.channels.phone.hotline import PUBLIC, SID


@cache
def nesting(shared: Path) -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = json.loads((shared / "twilio/twiml/twiml_nesting.json").read_text())[
        "voice"
    ]
    return table


def faults(body: bytes, shared: Path) -> list[str]:
    """What Twilio would not take of it."""
    table, root = nesting(shared), ElementTree.fromstring(body)
    found = [] if root.tag == "Response" else [f"<{root.tag}> at the top"]
    for parent in root.iter():
        known = table[parent.tag]
        found += [f"<{parent.tag} {name}>" for name in parent.attrib if name not in known["attributes"]]
        found += [f"<{child.tag}> in <{parent.tag}>" for child in parent if child.tag not in known["children"]]
    return found


@dataclass(frozen=True, slots=True)
class Document:
    """verbs: tags in order. says: all that is spoken. asks: verb -> the step its action goes to. urls: all of them."""

    verbs: tuple[str, ...]
    says: str
    asks: dict[str, str]
    urls: tuple[str, ...]
    root: ElementTree.Element


def read(body: bytes) -> Document:
    root = ElementTree.fromstring(body)
    names = ("action", "url", "statusCallback", "recordingStatusCallback")
    return Document(
        verbs=tuple(element.tag for element in root),
        says=" ".join(element.text or "" for element in root.iter("Say")),
        asks={element.tag: step(element.attrib["action"]) for element in root if "action" in element.attrib},
        urls=tuple(element.attrib[name] for element in root.iter() for name in names if name in element.attrib),
        root=root,
    )


def step(url: str) -> str:
    base = f"{PUBLIC}/twilio/call/{SID}/"
    assert url.startswith(base), url
    return urldefrag(url).url.removeprefix(base)
