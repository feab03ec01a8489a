#!/usr/bin/python3
"""Checks a log of nestrace (--log) against the schema in LOG.md, and that what it tells can have happened.

    check_log.py [--unfinished] LOG.md LOG...

Schema: every event and field of the log is documented, every field that must be there is, each has its type and,
where LOG.md lists them, one of its values. Story: see the class of that name. --unfinished: nestrace was killed.
"""

import json
import os
import re
import signal
import sys

TYPES = {
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "strings": lambda v: isinstance(v, list) and all(isinstance(word, str) for word in v),
}


class Field:
    """One row of a table: | `name` | type[, optional][: `value`, ...] | meaning |"""

    def __init__(self, kind):
        self.values = re.findall(r"`([^`]+)`", kind)
        words = re.split(r"[:,] *", kind.split("`")[0].strip())
        self.type = words[0]
        self.optional = "optional" in words
        if self.type not in TYPES:
            raise ValueError("LOG.md: no such type: " + kind)

    def complaint(self, value):
        if not TYPES[self.type](value):
            return "is no " + self.type
        if self.values and value not in self.values:
            return "is none of " + ", ".join(self.values)
        return None


def read_schema(path):
    """{event: {field: Field}}, the roads, and the example lines."""
    events, common, roads, examples = {}, {}, set(), []
    section = None
    for line in open(path, encoding="utf-8"):
        heading = re.match(r"## (\w+)$", line)
        if line.startswith("## "):
            section = heading.group(1) if heading else None
            if section:
                events[section] = {}
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        name = re.match(r"`([\w-]+)`$", cells[0]) if cells else None
        if name and len(cells) == 3:
            target = common if not events else events[section]
            target[name.group(1)] = Field(cells[1])
        elif name and len(cells) == 2 and events and section is None:
            roads.add(name.group(1))
        if line.startswith("    {"):
            examples.append(json.loads(line))
    for fields in events.values():
        fields.update(common)
        if "road" in fields:
            fields["road"].values = sorted(roads)
    return events, roads, examples


def check_line(schema, entry):
    fields = schema.get(entry.get("event"))
    if fields is None:
        yield "event %r is not documented" % entry.get("event")
        return
    for name, value in entry.items():
        if name not in fields:
            yield "field %s is not documented" % name
        elif fields[name].complaint(value):
            yield "field %s %s" % (name, fields[name].complaint(value))
    for name, field in fields.items():
        if not field.optional and name not in entry:
            yield "field %s is missing" % name


class Story:
    """What the lines so far have told: which threads there are, who traces whom, which stops are held by whom.

    - The first line is `start`, the last `end`, and times never go back.
    - Every thread that is named has been born and is not yet gone; none is left in the end.
    - A report goes to a tracer of the thread, and is of a thread that has stopped or ended.
    - A thread resumes only from a stop, and only when every tracer that the stop was reported to has resumed it.
    - A wait takes only what was reported, and once.
    - Every call comes to an end, unless its caller does.
    """

    RESUMES = {"PTRACE_CONT", "PTRACE_SYSCALL", "PTRACE_SINGLESTEP", "PTRACE_SINGLEBLOCK", "PTRACE_SYSEMU",
               "PTRACE_SYSEMU_SINGLESTEP", "PTRACE_DETACH", "PTRACE_LISTEN"}
    OPEN_ROADS = {"parked", "refused", "restarts", "needs-stop", "lost"}

    def __init__(self):
        self.tgid = {}        # of each thread that there is
        self.zombies = set()
        self.stopped = {}     # tid: wait status
        self.links = set()    # (tracer, tracee)
        self.held = set()     # links over which a stop was reported that the tracer has not resumed
        self.untaken = {}     # link: wait statuses that were reported and not taken
        self.open_calls = {}  # tid: its last line
        self.time = 0
        self.started = self.ended = False
        self.told = dict.fromkeys(
            ("start", "end", "birth", "exec", "exit", "reaped", "stop", "report", "taken", "resume", "kick", "signal",
             "attach", "detach", "request", "wait"), 0)

    def tell(self, entry):
        """Takes one line, and yields what is wrong with it."""
        self.told[entry["event"]] += 1
        if self.ended or self.started == (entry["event"] == "start"):
            yield "out of place"
        if entry["time"] < self.time:
            yield "time goes back"
        self.time = entry["time"]
        if entry["event"] != "birth":
            for role in ("tid", "tracer", "tracee", "caller", "target"):
                if role in entry and entry[role] not in self.tgid:
                    yield "%s %d does not exist" % (role, entry[role])
        yield from getattr(self, "on_" + entry["event"])(entry)

    def on_start(self, entry):
        self.started = True
        if entry["schema"] != 1:
            yield "schema is not 1"

    def on_end(self, entry):
        self.ended = True
        for name in ("tgid", "zombies", "stopped", "links", "open_calls"):
            if getattr(self, name):
                yield "left in the end: %s %s" % (name, getattr(self, name))

    def on_birth(self, entry):
        if entry["tid"] in self.tgid:
            yield "born twice"
        if entry["how"] in ("program", "orphan"):
            if "parent" in entry:
                yield "has a parent"
        elif entry.get("parent") not in self.tgid:
            yield "parent does not exist"
        self.tgid[entry["tid"]] = entry["tgid"]

    def on_exec(self, entry):
        tid, old = entry["tid"], entry["old_tid"]
        self.open_calls.pop(old, None)
        if old == tid:
            return
        if old not in self.tgid:
            yield "old_tid %d does not exist" % old
        self.forget(tid)
        self.tgid[tid] = self.tgid.pop(old, 0)
        self.stopped.pop(old, None)
        for links in (self.links, self.held):
            for link in [link for link in links if old in link]:
                links.discard(link)
                links.add(tuple(tid if end == old else end for end in link))
        self.untaken = {tuple(tid if end == old else end for end in link): s for link, s in self.untaken.items()}
        self.stopped[tid] = None

    def forget(self, tid):
        for links in (self.links, self.held):
            links -= {link for link in links if link[1] == tid}
        self.tgid.pop(tid, None)
        self.zombies.discard(tid)
        self.stopped.pop(tid, None)
        self.open_calls.pop(tid, None)

    def on_stop(self, entry):
        tid = entry["tid"]
        if tid in self.zombies:
            yield "a zombie stops"
        if tid in self.stopped and not self.is_exit(entry["status"]):
            yield "stops twice without a resume"
        self.stopped[tid] = entry["status"]
        self.held -= {link for link in self.held if link[1] == tid and self.is_exit(entry["status"])}

    @staticmethod
    def is_exit(status):
        return status >> 16 == 6  # PTRACE_EVENT_EXIT: SIGKILL ended the stop before

    def on_report(self, entry):
        link = (entry["tracer"], entry["tracee"])
        if link not in self.links:
            yield "reported to one who does not trace it"
        if os.WIFSTOPPED(entry["status"]):
            if entry["tracee"] not in self.stopped:
                yield "a running thread is reported stopped"
            if link in self.held:
                yield "reported twice without a resume"
            self.held.add(link)
        elif entry["status"] != 0xffff and entry["tracee"] not in self.zombies:
            yield "a living thread is reported to have ended"
        self.untaken.setdefault(link, []).append(entry["status"])

    def on_taken(self, entry):
        tracers = [link for link in self.untaken
                   if link[1] == entry["tracee"] and self.tgid.get(link[0]) == self.tgid.get(entry["caller"])]
        for link in tracers:
            if entry["status"] in self.untaken[link]:
                if not entry["left"]:
                    self.untaken[link].remove(entry["status"])
                return
        # One SIGCONT event serves all who wait for it.
        if entry["status"] != 0xffff:
            yield "takes what was not reported"

    def on_resume(self, entry):
        tid = entry["tid"]
        if tid not in self.stopped:
            yield "a running thread is resumed"
        holders = [link[0] for link in self.held if link[1] == tid]
        if holders:
            yield "resumed, but held by %s" % holders
        self.stopped.pop(tid, None)

    def on_exit(self, entry):
        tid = entry["tid"]
        if tid in self.zombies:
            yield "ends twice"
        self.zombies.add(tid)
        self.stopped.pop(tid, None)
        self.open_calls.pop(tid, None)
        self.held -= {link for link in self.held if link[1] == tid}

    def on_reaped(self, entry):
        tid = entry["tid"]
        if tid not in self.zombies:
            yield "a living thread is reaped"
        if any(link[1] == tid for link in self.links):
            yield "reaped before its tracers have seen it"
        self.forget(tid)

    def on_attach(self, entry):
        link = (entry["tracer"], entry["tracee"])
        if link in self.links:
            yield "traced twice by the same"
        others = sum(other[1] == link[1] for other in self.links)
        if others != entry["outer"] + entry["inner"]:
            yield "it has %d other tracers" % others
        self.links.add(link)

    def on_detach(self, entry):
        link = (entry["tracer"], entry["tracee"])
        if link not in self.links:
            yield "was not traced"
        self.links.discard(link)
        self.held.discard(link)
        self.untaken.pop(link, None)

    def on_request(self, entry):
        yield from self.on_call(entry)
        if entry.get("result") == 0 and entry["road"] != "lost" and entry["request"] in self.RESUMES:
            link = (entry["caller"], entry["target"])
            if link not in self.links:
                yield "resumes what it does not trace"
            self.held.discard(link)

    def on_wait(self, entry):
        yield from self.on_call(entry)

    def on_call(self, entry):
        has_result = entry["road"] in ("answered", "registers", "lost")
        if has_result != ("result" in entry):
            yield "result, or none, on road " + entry["road"]
        if ("error" in entry) != (-4096 < entry.get("result", 0) < 0):
            yield "error does not fit result"
        if entry["road"] in self.OPEN_ROADS:
            self.open_calls[entry["caller"]] = entry
        else:
            self.open_calls.pop(entry["caller"], None)

    def on_kick(self, entry):
        return ()

    on_signal = on_kick


def check_log(schema, path, story, unfinished):
    complaints = 0
    with open(path, "rb") as log:
        for number, raw in enumerate(log, 1):
            try:
                entry = json.loads(raw.decode("utf-8"))
                if not raw.endswith(b"}\n"):
                    raise ValueError("is not one line")
                found = list(check_line(schema, entry)) or list(story.tell(entry))
            except ValueError as error:
                found = [str(error)]
            for complaint in found:
                complaints += 1
                if complaints <= 20:
                    print("%s:%d: %s\n    %s" % (path, number, complaint, raw.decode("utf-8", "replace").strip()))
    if story.ended == unfinished:
        complaints += 1
        print("%s: has %s" % (path, "an end" if unfinished else "no end"))
    return complaints


def main():
    # The shell that calls may have been told to ignore it.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    unfinished = sys.argv[1] == "--unfinished"
    document, *logs = sys.argv[1 + unfinished:]
    schema, roads, examples = read_schema(document)
    complaints = 0
    if len(schema) != 16 or len(roads) != 9:
        print("LOG.md: %d events, %d roads" % (len(schema), len(roads)))
        complaints += 1
    if {entry["event"] for entry in examples} != set(schema):
        print("LOG.md: not one example for each event")
        complaints += 1
    for entry in examples:
        for complaint in check_line(schema, entry):
            print("LOG.md: %s\n    %s" % (complaint, entry))
            complaints += 1
    for path in logs:
        story = Story()
        complaints += check_log(schema, path, story, unfinished)
        print("%s: %s" % (path, ", ".join("%d %s" % (count, event) for event, count in story.told.items() if count)))
    sys.exit(complaints > 0)


if __name__ == "__main__":
    main()
