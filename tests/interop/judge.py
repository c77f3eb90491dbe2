"""What must be true of the records and of what both sides say about them; findings go to `failures`."""
import collections
import datetime
import re
import zlib

import samples
import values
from observer import STRANGE

failures = []
checked = collections.Counter()


def expect(good, what, *details):
    """One finding for each kind of failure, with its first example."""
    checked[what] += 1
    if not good and what not in (known for known, _ in failures):
        failures.append((what, "; ".join(map(str, details))[:600]))


def same(what, found, wanted, *details):
    expect(found == wanted, what, f"found {found!r}, wanted {wanted!r}", *details)


def date_of(record):
    """Its offset is judged by both_spell_alike()."""
    date = datetime.datetime.fromisoformat(record.json["date_iso8601"])
    return date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)


def by_uuid(handled):
    """The list of what was said about each record."""
    found = collections.defaultdict(list)
    for said in handled:
        found[said["uuid"]].append(said)
    return found


def once(what, records, handled):
    """Each record with the one thing that was said about it."""
    expect(records, f"{what}: there are some")
    said = by_uuid(handled)
    for record in records:
        found = said[record.json["uuid"]]
        expect(len(found) == 1, f"{what}: handled exactly once", f"{len(found)} times", record.json)
        if found:
            yield record, found[0]


RESPONSE_FIELDS = ("destination", "request_uuid", "ok", "error_code", "error_message")


def equal_fields(what, record, said):
    """What a handler got against the bytes on the broker and the claim of the sender."""
    wanted = record.json
    for field in ("name", "version", "source", "correlation_id"):
        same(f"{what}: {field}", said[field], wanted[field])
    same(f"{what}: partition key", said["key"], wanted["partition_key"])
    if wanted["type"] == "RESPONSE":
        for field in RESPONSE_FIELDS:
            same(f"{what}: {field}", said[field], wanted[field])
    if "claim" in record.data:
        same(f"{what}: data", sorted(said["lines"]), sorted(record.data["claim"]), record.json)


def edges_travelled(what, records):
    """No value of interest may be missing because nobody sent it."""
    seen = {line for record in records for line in record.data.get("claim", [])}
    for edge in samples.EDGES:
        expect(edge in seen, f"{what}: every edge was sent", edge)


def request_entry(name):
    return name.startswith("request:")


def without_request_entries(context):
    """What is left of a context when our service has taken its own notes out of it."""
    left = {}
    for urn, entry in context.items():
        kept = {name: value for name, value in entry.items() if not (urn == "urn:interop" and request_entry(name))}
        if kept or not entry:
            left[urn] = kept
    return left


def ours_got_what_the_peer_wrote(observer):
    outputs = observer.named("Seen")
    context_of = {record.data["uuid"]: record.json for record in outputs}
    for name in ("Sampled", "Describe", "Judged"):
        records = observer.named(name)
        edges_travelled(f"{name} of the peer", records)
        for record, said in once(f"{name} of the peer", records, [record.data for record in outputs]):
            what = f"{name} of the peer"
            wanted = {**record.json}
            said = {**said, "key": said.get("key")}
            if name == "Judged":
                said["error_message"] = said["error_message"] or None
                wanted["context"] = without_request_entries(wanted["context"])
                if not said["ok"]:
                    same(f"{what}: a refusal has no data", record.data, {})
            equal_fields(what, record, said)
            same(f"{what}: date", said["date_ms"], values.milliseconds(date_of(record)), record.json["date_iso8601"])
            same(f"{what}: context", sorted(said["context"]), values.describe(wanted["context"]))
            output = context_of[record.json["uuid"]]
            if name == "Sampled":
                own = wanted["context"].setdefault("urn:interop", {})
                own["handled"] = record.data["sample"]["number"]
            same(f"{what}: the context travels on", output["context"], wanted["context"])
            same(f"{what}: the correlation id travels on", output["correlation_id"], wanted["correlation_id"])
            same(f"{what}: the key travels on", output["partition_key"], wanted["partition_key"])


def the_peer_got_what_we_wrote(observer, notes):
    for name in ("Offered", "Judge", "Described"):
        records = observer.named(name)
        edges_travelled(f"{name} of ours", records)
        for record, said in once(f"{name} of ours", records, notes):
            equal_fields(f"{name} of ours", record, said)
            same(f"{name} of ours: context", said["context"], values.describe(record.json["context"]))
    for name in ("Offered", "Judge", "Described", "Echoed", "Kept", "Ask", "Found", "Settled"):
        for record, said in once(f"{name} of ours", observer.named(name), notes):
            # The peer computes milliseconds by floats and may lose one.
            same(f"{name} of ours: date", said["date_ms"], values.milliseconds(date_of(record)))
            same(f"{name} of ours: protocol version", said["protocol_version"], "3.0.0")


def both_spell_alike(observer):
    """Members, their order, the two dates and the key on the broker are as the peer writes them."""
    order, spelling = {}, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}000)?\+00:00"
    sources = [record for records in observer.records.values() for record in records
               if not record.topic.endswith("-dead-letters")]
    for record in sources:
        if record.json["source"] == "urn:peer":
            order[record.json["type"]] = list(record.json)
    for record in sources:
        ours = record.json["source"] != "urn:peer"
        same("the order of members", list(record.json), order.get(record.json["type"]))
        iso = record.json["date_iso8601"]
        expect(re.fullmatch(spelling, iso), "the spelling of dates", iso, record.json["source"])
        if ours:
            same("both dates of a record agree", record.json["date_timestamp"], values.milliseconds(date_of(record)))
        key = record.json["partition_key"]
        if record.topic != "keeper-returns":
            wanted = None if key is None else key.encode()
            same("the key on the broker is the partition key", record.key, wanted, record.json)
        same("our records have no headers, as the peer's have none", record.headers, {})


def every_request_is_answered(observer):
    for request, response, destination in (("Describe", "Described", "urn:peer"), ("Lookup", "Found", "urn:peer"),
                                           ("Judge", "Judged", "urn:interop"), ("Ask", "Answered", "urn:keeper")):
        answers = collections.defaultdict(list)
        for record in observer.named(response):
            if record.topic.endswith("-responses"):
                answers[record.json["request_uuid"]].append(record.json)
        for asked in observer.named(request):
            found = answers.pop(asked.json["uuid"], [])
            expect(len(found) == 1, f"{request} is answered once", len(found), asked.json)
            for answer in found:
                same(f"{response}: destination", answer["destination"], destination)
                same(f"{response}: correlation id", answer["correlation_id"], asked.json["correlation_id"])
                if answer["source"] == "urn:interop":
                    context = {**asked.json["context"]}
                    if request == "Describe" and answer["ok"]:
                        number = asked.data["sample"]["number"]
                        context["urn:interop"] = {**context.get("urn:interop", {}), "described": number}
                    same(f"{response}: context", answer["context"], context)
                    same(f"{response}: key", answer["partition_key"], asked.json["partition_key"])
        same(f"{response} without a request", list(answers), [])


def chains_of_ours_hold_together(observer):
    """Offered → Judge → Judged: one correlation id, which began here; the context as far as the peer keeps it."""
    offered = {record.json["correlation_id"]: record for record in observer.named("Offered")}
    same("each chain has its own correlation id", len(offered), len(observer.named("Offered")))
    for correlation in offered:
        expect(re.fullmatch(r"interop:Offered:[A-Za-z0-9_-]{11}", correlation), "how a chain begins", correlation)
    for name in ("Judge", "Judged"):
        same(f"{name}: chains", sorted(r.json["correlation_id"] for r in observer.named(name)), sorted(offered))
    for record in observer.named("Judge"):
        number, key = record.data["sample"]["number"], record.json["partition_key"]
        same("a request notes its requester's key", record.json["context"],
             {"urn:interop": {"asked": number, "request:" + record.json["uuid"]: key}})
    kept = [record for record in observer.named("Judged") if record.json["context"]]
    lost = [record for record in observer.named("Judged") if not record.json["context"]]
    expect(kept and lost, "the peer keeps some contexts and drops some", len(kept), len(lost))


def keys_lie_alike(observer, partitions, keys):
    """The broker's partition of each record, by its key: the same on all topics, and CRC32's."""
    place = {}
    for topic, records in observer.records.items():
        for record in records:
            if not record.key or topic.endswith("-dead-letters"):
                continue  # an empty key lies anywhere: the peer's partitioner takes it for none
            what = f"{record.name} lies where CRC32 puts its key"
            same(what, record.partition, zlib.crc32(record.key) % partitions, record.key[:60], topic)
            known = place.setdefault(record.key, record.place)
            same("a key lies in one partition on all topics", record.partition, known[1], record.key[:60], topic, known)
    for name, kind in (("Keyed", "EVENT"), ("Lookup", "REQUEST"), ("Answered", "RESPONSE"), ("Echoed", "EVENT"),
                       ("Kept", "EVENT"), ("Ask", "REQUEST"), ("Found", "RESPONSE")):
        found = {record.key for record in observer.named(name) if record.json["type"] == kind and record.key}
        wanted = {key.encode() for n, key in enumerate(keys) if name not in ("Ask", "Answered") or n % 10}
        if name == "Answered":
            wanted -= {key.encode() for n, key in enumerate(keys) if n % 50 == 8}
        same(f"{name}: keys that arrived", wanted - found, set())


def states_and_answers_come_home(observer, keys):
    counts = collections.Counter()
    for record in observer.named("Kept"):
        if record.data["n"] == -4:
            continue  # a marker of the test
        counts[record.json["partition_key"]] += 1
        same("a key's state counts each event once", record.data["count"], counts[record.json["partition_key"]])
    settled = collections.defaultdict(list)
    for record in observer.named("Settled"):
        settled[record.data["n"]].append(record)
    homeless = collections.Counter(record.data.get("n") for record in dead_letters(observer)
                                   if record.headers["eventy-error-class"] == b"NoRequesterKey")
    for n, key in enumerate(keys):
        lost = n % 50 == 7
        same("an answer without its context cannot reach a state", homeless[n], int(lost), n)
        same("an answer reaches its requester once", len(settled[n]), int(not lost), n)
        for record in settled[n]:
            same("an answer reaches its requester's key", record.json["partition_key"], key)
    detours = [r for r in observer.records["keeper-returns"] if r.data["n"] >= 0 and r.data["n"] % 10 == 0]
    expect(detours, "answers to another key's partition come back by the returns topic")


def dead_letters(observer):
    return observer.records["interop-dead-letters"] + observer.records["keeper-dead-letters"]


NOT_JSON, CONTEXT = b"not JSON", b"context.urn:peer.list: "
BEYOND = b"n: must be an integer, not a number that 64 bits cannot hold"
SET_ASIDE = {"protocol": (b"4.0.0", "interop", "keeper"), "version": (b"2.0.0", "interop", "keeper"),
             "uuid": (b"uuid: ", "interop", "keeper"), "context": (CONTEXT, "interop", "keeper"),
             "nan": (NOT_JSON, "interop", "keeper"), "large": (BEYOND, "interop", "keeper"),
             "type": (b"n: must be an integer", "interop", "keeper"), "half": (NOT_JSON, "interop"),
             "Judged": (CONTEXT, "interop"), "Answered": (CONTEXT, "keeper")}


def what_we_cannot_read_is_kept(observer):
    originals = {record.place: record for records in observer.records.values() for record in records}
    for name, (reason, *services) in SET_ASIDE.items():
        for service in services:
            letters = [r for r in observer.records[service + "-dead-letters"] if r.key == STRANGE + name.encode()]
            same(f"{service} sets the record {name!r} aside once", len(letters), 1)
            for letter in letters:
                h = letter.headers
                place = h["eventy-topic"].decode(), int(h["eventy-partition"]), int(h["eventy-offset"])
                expect(place in originals, "a dead letter names its record's place", place)
                same("a dead letter has its record's bytes", letter.value, originals[place].value)
                same("a dead letter has its record's key", letter.key, originals[place].key)
                expect(reason in h["eventy-reason"], "a dead letter says why", h["eventy-reason"], reason)
    for topic in ("interop-dead-letters", "keeper-dead-letters"):
        known = {STRANGE + name.encode() for name, (_, *services) in SET_ASIDE.items() 
                 if topic.split("-")[0] in services}
        strangers = [r for r in observer.records[topic]
                     if r.key not in known and r.headers["eventy-error-class"] not in (b"NoRequesterKey", b"NoKey")]
        same(f"{topic}: nothing else", strangers, [])
    keyless = [r for r in observer.named("Keyed") if r.topic == "peer-events" and r.data["n"] == -1]
    same("keyless events of the peer", len(keyless), 2)
    same("a state cannot be reached without a key",
         sorted(r.value for r in dead_letters(observer) if r.headers["eventy-error-class"] == b"NoKey"),
         sorted(r.value for r in keyless))
    echoed = [r.json["partition_key"] for r in observer.named("Echoed") if r.data["n"] == -1]
    same("without a state they are handled", echoed, [None, None])


def the_peers_aborts_are_not_seen(observer, everything):
    written = collections.Counter(record.data["n"] for record in everything.named("Keyed"))
    echoed = collections.Counter(record.data["n"] for record in observer.named("Echoed"))
    for i in range(20):
        same("an aborted event of the peer is in the log", written[-100 - i], 1)
        same("an aborted event of the peer is not handled", echoed[-100 - i], 0)
        same("a committed event of the peer is handled once", echoed[-200 - i], 1)
