# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""matrix.py ROOT ASHLAR_LAB BITMAP_PEER: what `ashlar-lab lab` writes has the form that --help tells, agrees with
`replay` and with itself, and the page is well-formed and needs nothing else. What cannot be run or written ends it
before anything is measured."""
import csv
import html.parser
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile

import lab

ODD_NAME = 'four nodes, <little> & "scarce"'
NAMES = ["rows/reliability_first/nearest", "rows/locality_first/nearest", "list/mirror_off/interleave"]
PEER = "peer:bitmap-peer"
ORACLE = "oracle"  # no allocator: it has no time, and no policy
FIGURES = ["mirrored_kernel_share", "mirrored_user_share", "local_share", "fallbacks", "pinned_blocks_share",
           "compacted_blocks_share", "compaction_moves", "failures", "whole_blocks_share"]
SPREAD = ["least", "lower_quartile", "median", "upper_quartile", "most"]
VOID = {"meta", "input", "wbr"}


class Page(html.parser.HTMLParser):
    """Checks that elements are balanced and counts them; keeps what would be fetched."""

    def __init__(self, text):
        super().__init__()
        self.open, self.count, self.ids, self.links, self.texts = [], {}, [], [], []
        self.feed(text)
        self.close()
        lab.same(self.open, [], "elements left open")

    def note(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        lab.same(len(attributes), len(dict(attributes)), f"attributes of {tag}")
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "data", "action", "poster", "srcset", "xlink:href"):
                self.links.append(value)
            lab.check(not name.startswith("on"), f"{tag} has {name}")

    def handle_starttag(self, tag, attributes):
        self.note(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.note(tag, attributes)

    def handle_endtag(self, tag):
        lab.check(self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)


def main():
    root, program, peer = sys.argv[1:4]
    tool = lab.Lab(root, program)
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        check_matrix(tool, peer, scratch)
        check_defaults(tool, scratch)
        check_pieces(tool, peer, scratch)
        check_defective_peers(tool, peer, scratch)
        check_errors(tool, peer, scratch)
    print("ok")


def run(tool, scratch, *words, env=None):
    """(JSON, page, rows of the CSV, what was printed)"""
    done = tool.run("lab", *words, "--html", scratch / "out.html", env=env)
    lab.check(done.returncode == 0, f"{words} returns {done.returncode}: {done.stderr}")
    with (scratch / "out.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    return (json.loads((scratch / "out.json").read_text(encoding="ascii")),
            (scratch / "out.html").read_text(encoding="utf-8"), rows, done.stdout)


def check_matrix(tool, peer, scratch):
    tables = tool.tables("mirror_numa4", "dmesg.txt")
    compositions = [word for name in NAMES for word in ("--composition", name)]
    results, page, rows, printed = run(
        tool, scratch, "--trace", tool.perf_script, "--machine", "ample", *tables, "--machine", ODD_NAME, *tables,
        "--mirror-limit", "2M", "--machine", "plain", *compositions, "--peer", peer, "--repetitions", "4")
    lab.same(list(results), ["measured_on", "repetitions", "scenarios"], "keys")
    lab.same(list(results["measured_on"]), ["processor", "processors", "compiler", "date", "load"], "keys of the host")
    lab.check(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", results["measured_on"]["date"]), results["measured_on"])
    lab.same(results["repetitions"], 4, "repetitions")
    scenarios = results["scenarios"]
    lab.same([told["machine"]["name"] for told in scenarios], ["ample", ODD_NAME, "plain"], "machines")
    for told in scenarios:
        lab.same([each["subject"] for each in told["runs"]], [*NAMES, PEER, ORACLE], "subjects")
        check_scenario(told)
    check_against_replay(tool, scenarios[0], tables)
    check_against_replay(tool, scenarios[1], [*tables, "--mirror-limit", "2M"])
    check_against_replay(tool, scenarios[2], [])
    check_against_machine(tool, scenarios[0], tables)
    check_shares(scenarios)
    check_csv(scenarios, rows)
    for told in scenarios:
        lab.check(f"on: {told['machine']['name']}\n" in printed, printed)
    lab.check(f"Written: {scratch / 'out.html'}, {scratch / 'out.json'}, {scratch / 'out.csv'}\n" in printed, printed)
    check_page(page, results)


def check_scenario(told):
    lab.same(list(told), ["machine", "trace", "pageblocks_per_cell", "moments", "runs"], "keys of a scenario")
    lab.same(list(told["machine"]), ["name", "nodes", "page_bytes", "frames", "mirrored_frames", "zones"],
             "keys of a machine")
    lab.same(list(told["trace"]), ["file", "events", "seconds", "peak_frames", "left_frames"], "keys of a trace")
    lab.same(list(told["moments"]), ["seconds", "events"], "keys of the moments")
    zones = told["machine"]["zones"]
    lab.same(sum(zone["present_frames"] for zone in zones), told["machine"]["frames"], "frames of the zones")
    events, seconds = told["moments"]["events"], told["moments"]["seconds"]
    lab.same((events[0], events[-1], events), (0, told["trace"]["events"], sorted(events)), "events of the moments")
    lab.same((seconds[0], seconds[-1], seconds), (0, told["trace"]["seconds"], sorted(seconds)), "seconds")
    for each in told["runs"]:
        check_run(told, each, len(events))


def check_times(times):
    lab.same(list(times), [*SPREAD, "repetitions"], "keys of the times")
    repetitions = sorted(times["repetitions"])
    lab.same(len(repetitions), 4, "repetitions")
    expected = [repetitions[0], *statistics.quantiles(repetitions, n=4, method="inclusive"), repetitions[-1]]
    for name, value in zip(SPREAD, expected, strict=True):
        lab.check(abs(times[name] - value) <= 0.011, f"{name}: {times[name]}, not {value}")


def check_run(told, each, moments):
    lab.same(list(each), ["subject", "ns_per_event", *FIGURES, "over_time"], "keys of a run")
    if each["subject"] == ORACLE:
        lab.same([key for key in ["ns_per_event", *FIGURES] if each[key] is not None], FIGURES[-2:], "of the oracle")
        lab.same({*each["over_time"]["kernel_mirrored_share"], *each["over_time"]["local_share"]}, {None}, "by chance")
    else:
        check_times(each["ns_per_event"])

    over = each["over_time"]
    lab.same(list(over), ["whole_blocks_share", "kernel_mirrored_share", "local_share", "zones", "cells"],
             "keys of over_time")
    zones = told["machine"]["zones"]
    lists = [over[key] for key in over if key != "zones"] + [zone[key] for zone in over["zones"] for key in zone]
    lab.same({len(values) for values in lists}, {moments}, "moments in each list")
    lab.same(len(over["zones"]), len(zones), "zones")
    lab.same((over["kernel_mirrored_share"][0], over["local_share"][0]), (None, None), "shares of nothing")
    lab.same([zone["free_frames"][0] for zone in over["zones"]], [zone["present_frames"] for zone in zones], "at first")
    left = sum(zone["free_frames"][-1] for zone in over["zones"])
    if each["failures"] == 0:
        lab.same(left, told["machine"]["frames"] - told["trace"]["left_frames"], "free frames at the end")
    whole = sum(zone["whole_blocks"][-1] for zone in over["zones"])
    lab.check(abs(whole * 512 / left - each["whole_blocks_share"]) < 1e-5, f"whole blocks of {each['subject']}")
    lab.same(over["whole_blocks_share"][-1], each["whole_blocks_share"], "whole blocks at the end")
    check_cells(told, over)


def decode(changes):
    """The cells at each moment, as --help tells it."""
    cells = []
    for text in changes:
        lab.check(re.fullmatch(r"(\d*[.=a-f])*", text), text)
        now = "".join(symbol * int(count or 1) for count, symbol in re.findall(r"(\d*)([.=a-f])", text))
        cells.append("".join(cells[-1][i] if symbol == "=" else symbol for i, symbol in enumerate(now)))
    return cells


def check_cells(told, over):
    """A cell is free where its pageblocks are."""
    lab.same(told["pageblocks_per_cell"], 1, "pageblocks of a cell")
    for moment, cells in enumerate(decode(over["cells"])):
        at = 0
        for zone, state in zip(told["machine"]["zones"], over["zones"]):
            own, at = cells[at:at + zone["cells"]], at + zone["cells"]
            free, whole = state["free_frames"][moment], state["whole_blocks"][moment]
            used = zone["present_frames"] - free
            busy = len(own) - own.count("a") - own.count(".")
            lab.check(busy <= used <= 512 * busy, f"{busy} cells in use for {used} frames")
            if zone["present_frames"] == zone["spanned_frames"] == 512 * zone["cells"]:
                lab.check(own.count("a") == whole and 512 * own.count("f") <= used, f"free and full cells of {zone}")
            lab.check(own.count("a") >= whole, f"free cells of {zone}")
        lab.same(at, len(cells), "cells of all zones")


def check_against_replay(tool, told, machine):
    """The same compositions, on the same machine, by the other command."""
    words = [word for name in NAMES for word in ("--composition", name)]
    replay, _ = tool.json("replay", "--trace", tool.perf_script, *machine, *words)
    for row, each in zip(lab.without_time(replay), told["runs"]):
        for key in row:
            lab.same(each["subject" if key == "composition" else key], row[key], f"{key} of {row['composition']}")
    for key, value in replay["oracle"].items():
        lab.same(told["runs"][-1][key], value, f"{key} of the oracle")


def check_against_machine(tool, told, tables):
    machine, _ = tool.json("machine", *tables)
    zones = [{key: zone[key] for key in zone if key != "cells"} for zone in told["machine"]["zones"]]
    lab.same(zones, machine["zones"], "zones")
    lab.same(told["machine"]["nodes"], len(machine["nodes"]), "nodes")
    # Chance is all that a peer has: both nodes with CPUs have mirrored memory only.
    chance = {each["subject"]: each for each in told["runs"]}[PEER]
    lab.check(chance["mirrored_kernel_share"] == chance["mirrored_user_share"] == 1, f"{chance['subject']}")
    lab.same(chance["fallbacks"], 0, "fallbacks of a peer")


def check_shares(scenarios):
    """Where a policy leaves no choice, at each moment with something in use."""
    ample, scarce, plain = ({each["subject"]: each["over_time"] for each in told["runs"]} for told in scenarios)
    lab.same(set(ample[NAMES[0]]["kernel_mirrored_share"][1:]), {1}, "kernel data in ample mirrored memory")
    lab.same(set(scarce[NAMES[1]]["local_share"][1:]), {1}, "local memory, locality first")
    lab.check(0 < min(scarce[NAMES[0]]["local_share"][1:]) < 1, "local memory, reliability first")
    lab.check(0 < scarce[NAMES[1]]["kernel_mirrored_share"][-1] < 1, "kernel data, locality first")
    del plain[ORACLE]
    for over in plain.values():
        lab.same((set(over["kernel_mirrored_share"][1:]), set(over["local_share"][1:])), ({0}, {1}), "a plain machine")


def check_csv(scenarios, rows):
    runs = [(told, each) for told in scenarios for each in told["runs"]]
    for row, (told, each) in zip(rows, runs, strict=True):
        lab.same((row["machine"], row["trace"], row["subject"]),
                 (told["machine"]["name"], told["trace"]["file"], each["subject"]), "a row of the CSV")
        for key in FIGURES:
            lab.same(float(row[key]) if row[key] else None, each[key], key)
        for key in SPREAD:
            cell = row["ns_per_event" if key == "median" else key]
            lab.same(float(cell) if cell else None, each["ns_per_event"] and each["ns_per_event"][key], key)


def check_page(text, results):
    page = Page(text)
    lab.same(len(page.ids), len(set(page.ids)), "ids")
    lab.check(all(link.startswith("#") and link[1:] in page.ids for link in page.links), f"{page.links}")
    lab.check(not re.search(r"https?:|@import|@font-face|//[\w.-]+\.\w", text.replace("// SPDX", "")), "an address")
    lab.same(set(re.findall(r"url\(([^)]*)\)", text)), {"#mesh"}, "url()")
    lab.check(len(text) < 1 << 20, f"{len(text)} bytes")
    words = "".join(page.texts)
    for told in results["scenarios"]:
        for sentence in (told["machine"]["name"], f"{told['trace']['events']:,} events"):
            lab.check(sentence in words, f"the page does not say {sentence}")
    for key in ("processor", "compiler", "date"):
        lab.check(str(results["measured_on"][key]) in words, f"the page does not say {key}")
    runs = [each for told in results["scenarios"] for each in told["runs"] if each["subject"] != ORACLE]
    bars = re.findall(r'aria-label="([^":]*(?::\w[^":]*)?): median ([\d.]+) ns', text)
    lab.same([name for name, _ in bars], [each["subject"] for each in runs], "bars")
    for (name, time), each in zip(bars, runs):
        lab.check(abs(float(time) - each["ns_per_event"]["median"]) < 0.056, f"{name}: {time} ns")
    # One share on the plain machine, three on one with nodes and mirrored memory; and a place in the legend.
    # The oracle has a line for its pageblocks, and its place.
    lab.same(len(re.findall(r'data-line="\d', text)), (2 + 4 + 4) * len(runs) // 3 + 2 * 3, "lines")
    lab.same(text.count('<div class="map">'), len(runs) + 3, "heat maps")
    check_data(text, results)


def check_data(text, results):
    """What the script moves through is what the JSON has."""
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])
    for drawn, told in zip(data["scenarios"], results["scenarios"], strict=True):
        lab.same(len(drawn["labels"]), len(told["moments"]["events"]), "labels")
        lab.same([zone["cells"] for zone in drawn["zones"]], [zone["cells"] for zone in told["machine"]["zones"]], "cells")
        for run_drawn, run_told in zip(drawn["runs"], told["runs"], strict=True):
            over = run_told["over_time"]
            lab.same(run_drawn["cells"], over["cells"], "cells")
            lab.same(run_drawn["free"], [zone["free_frames"] for zone in over["zones"]], "free frames")
            lab.same((run_drawn["whole"], run_drawn["mirror"], run_drawn["local"]),
                     (over["whole_blocks_share"], over["kernel_mirrored_share"], over["local_share"]), "shares")


def check_defaults(tool, scratch):
    """Without a name of anything: the usual compositions, a machine for each trace, files in the working folder."""
    done = tool.run("lab", "--trace", tool.perf_script, "--repetitions", "1", cwd=scratch)
    lab.same(done.returncode, 0, done.stderr)
    results = json.loads((scratch / "ashlar-lab.json").read_text(encoding="ascii"))
    (told,) = results["scenarios"]
    lab.same([each["subject"] for each in told["runs"]],
             [f"{source}/reliability_first/nearest" for source in ("rows", "radix", "list")] + [ORACLE],
             "usual compositions")
    for name in ("ashlar-lab.html", "ashlar-lab.csv"):
        lab.check((scratch / name).stat().st_size > 0, name)
    results, _, _, _ = run(tool, scratch, "--trace", tool.perf_script, *tool.tables("mirror_numa4", "dmesg.txt"),
                           "--mirror-limit=2M", "--repetitions=1")
    (told,) = results["scenarios"]
    lab.same(told["machine"]["name"], "dmesg.txt, SRAT.dat, SLIT.dat, mirror limit 2 MiB", "name of a machine")
    lab.same(len(told["runs"]), 7, "usual compositions of a machine with nodes and mirrored memory")


def check_pieces(tool, peer, scratch):
    """Blocks that are freed in parts, without times."""
    trace = scratch / "pieces.tsv"
    trace.write_text("0\t0\ta\t100\t3\t0\tk\n0\t0\tf\t106\t1\t-\t-\n0\t9\ta\t400\t9\t1\tu\n0\t0\tf\t100\t2\t-\t-\n"
                     "0\t5\tf\t104\t1\t-\t-\n0\t3\ta\t800\t10\t1\tu\n", encoding="ascii")
    results, page, _, _ = run(tool, scratch, "--trace", trace, "--peer", peer, "--repetitions", "1")
    (told,) = results["scenarios"]
    lab.same(set(told["moments"]["seconds"]), {0}, "seconds without times")
    lab.check("events of the trace" in page and "at event 6" in page, "the page counts events")
    for each in told["runs"]:
        # Of 4,096 frames three pageblocks are in use.
        lab.same((each["failures"], each["whole_blocks_share"]), (0, 1), each["subject"])
        lab.same(each["over_time"]["zones"][0]["whole_blocks"][-1], 5, each["subject"])
        if each["subject"] == ORACLE:
            continue
        # The kernel gives back all that it has in the fifth event.
        kernel = {events: value for events, value in zip(told["moments"]["events"],
                                                         each["over_time"]["kernel_mirrored_share"])}
        lab.same(kernel, {0: None, 1: 0, 2: 0, 3: 0, 4: 0, 5: None, 6: None}, each["subject"])
    # A peer gets a block back when all of it is free, the others part by part.
    free = {each["subject"]: each["over_time"]["zones"][0]["free_frames"] for each in told["runs"]}
    fourth = told["moments"]["events"].index(4)
    lab.same((free[PEER][fourth], free["rows/reliability_first/nearest"][fourth]), (4096 - 520, 4096 - 514), "free")


def check_defective_peers(tool, peer, scratch):
    for defect, sentence in (("does not start", "peer bitmap-peer does not start"),
                             ("hands out twice", "peer:bitmap-peer: hands out frames from 0x"),
                             ("loses frames", "peer bitmap-peer lost frames"),
                             ("refuses", "peer bitmap-peer refuses the free of a block that it gave")):
        done = tool.run("lab", "--trace", tool.perf_script, "--peer", peer, "--html", scratch / "none.html",
                        env={**os.environ, "ASHLAR_BITMAP_PEER": defect})
        lab.check(done.returncode == 1 and sentence in done.stderr, f"{defect}: {done.returncode}, {done.stderr}")
        lab.check(not (scratch / "none.html").exists(), f"{defect}: a page is written")


def check_errors(tool, peer, scratch):
    (scratch / "text.so").write_text("no library\n", encoding="ascii")
    (scratch / "folder").mkdir()
    library = re.search(r"(/\S*/libc\.so\S*)", pathlib.Path("/proc/self/maps").read_text(encoding="ascii"))
    trace = ["--trace", tool.perf_script]
    log = tool.firmware / "mirror_numa4" / "dmesg.txt"
    wrong = [
        (2, "lab needs --trace", []),
        (2, "lab does not know --frob", [*trace, "--frob"]),
        (2, "--peer needs a value", [*trace, "--peer"]),
        (2, "--repetitions 0", [*trace, "--repetitions", "0"]),
        (2, "--repetitions many", [*trace, "--repetitions", "many"]),
        (2, "--composition radix", [*trace, "--composition", "radix"]),
        (2, "two machines are called a", [*trace, "--machine", "a", log, "--machine", "a"]),
        (2, "--mirror-limit needs a machine", [*trace, "--machine", "a", "--mirror-limit", "1G"]),
        (2, "two peers are called bitmap-peer", [*trace, "--peer", peer, "--peer", peer]),
        (2, "files of their own", [*trace, "--json", scratch / "none.html"]),
        (1, "missing: No such file", ["--trace", scratch / "missing"]),
        (1, "text.so: no page allocation", [*trace, "--trace", scratch / "text.so"]),
        (1, "--peer " + str(scratch / "missing.so"), [*trace, "--peer", scratch / "missing.so"]),
        (1, "text.so", [*trace, "--peer", scratch / "text.so"]),
        (1, "none.html: it cannot be written", [*trace, "--html", scratch / "no" / "none.html"]),
        (1, "folder: it cannot be written", [*trace, "--json", scratch / "folder"]),
        (1, "out.csv: it cannot be written", [*trace, "--csv", scratch / "no" / "out.csv"]),
    ]
    if library:
        wrong.append((1, "has no function ashlar_peer_create", [*trace, "--peer", library[1]]))
    for status, sentence, words in wrong:
        if "--html" not in words:
            words = ["--html", scratch / "none.html", *words]
        done = tool.run("lab", *words)
        lab.same(done.returncode, status, f"{words}: {done.stderr}")
        lab.check(sentence in done.stderr, f"{words}: {done.stderr!r} does not say {sentence!r}")
        lab.check(done.stderr.startswith("ashlar-lab: ") and done.stderr.count("\n") == 1, done.stderr)
        lab.same(done.stdout, "", words)
        lab.check(not list(scratch.glob("none.*")), f"{words} leaves a file")


main()
