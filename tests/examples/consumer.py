"""Keeps a copy of what happened, and of each call its verdict: consumer.py http://127.0.0.1:8025 KEY copy.db"""

import json
import sqlite3
import sys
import time
from typing import Any

import httpx

url, key, file = sys.argv[1:4]
crm = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
db = sqlite3.connect(file)
db.execute("CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, cursor TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, type TEXT, subject TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS interaction (id TEXT PRIMARY KEY, revision INT, kind TEXT, outcome TEXT)")
NEWER = """INSERT INTO interaction VALUES (:id, :revision, :kind, :outcome) ON CONFLICT (id) DO UPDATE
    SET revision = :revision, outcome = :outcome WHERE :revision > revision"""


def begin() -> Any:
    """Take everything there is. The first line says where to go on, the last one that nothing is missing."""
    cursor, whole = "", False
    with crm.stream("GET", "/v1/interactions/snapshot") as answer:
        for line in answer.raise_for_status().iter_lines():
            record = json.loads(line)
            if told := record.get("snapshot"):
                cursor, whole = told.get("cursor", cursor), told.get("whole", False)
            else:
                db.execute(NEWER, record)
    if not whole:
        raise ValueError("the snapshot broke off")
    return cursor


def follow(cursor: str) -> Any:
    """What happened since, each event once; the cursor behind it."""
    answer = crm.get("/v1/events", params={"after": cursor, "types": "interaction.*", "wait": 20})
    if answer.status_code in (409, 410):  # a restored database, or we were away for too long
        return begin()
    page = answer.raise_for_status().json()
    for event in page["data"]:
        if db.execute("INSERT OR IGNORE INTO event VALUES (:id, :type, :subject)", event).rowcount:
            db.execute(NEWER, event["data"])
    return page["next_cursor"]


while True:
    try:
        with db:  # what was taken and how far we are, in one commit: a kill anywhere costs nothing
            cursor = db.execute("SELECT cursor FROM place").fetchone()
            db.execute("REPLACE INTO place VALUES (1, ?)", [follow(cursor[0]) if cursor else begin()])
    except (httpx.HTTPError, ValueError) as error:
        print(f"again in a second: {error}", file=sys.stderr)
        time.sleep(1)
