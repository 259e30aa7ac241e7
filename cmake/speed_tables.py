# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of README.md from what ashlar-bench measured: a function each, which gives lines of Markdown."""

WORKLOADS = [("bulk", None), ("random", None), ("churn", 50), ("churn", 90), ("same", None)]
ORDERS = (0, 3, 9)
OURS = ("peer:ashlar-shared", "peer:ashlar-exclusive")
HEAPS = ("mimalloc", "jemalloc", "tbb")
MOVES = ("memcpy", "evacuation", "promotion", "process_page", "process_page_signalled", "kvm_page")
REMAP_STRUCTURES = ("remap_table", "remap_hash", "map", "upper_bound", "eytzinger", "radix")


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def code(text):
    return f"`{text}`"


def nanoseconds(value):
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def duration(value):
    """With its unit, from nanoseconds."""
    if value is None:
        return "-"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} ns"


def times(ratio):
    return "-" if ratio is None else f"{ratio:.1f} x"


def quotient(slower, faster):
    return None if slower is None or faster is None else slower / faster


def both(cells):
    """With one thread and with two; one cell if there is no second."""
    return " / ".join(cell for cell in cells if cell != "-") or "-"


def row_name(workload, order=None, load=None):
    return code(workload + ("" if order is None else f" {order}") + ("" if load is None else f" at {load} %"))


def others_in(runs):
    """Peers that are not Ashlar."""
    return [subject for subject in runs.subjects() if subject.startswith("peer:") and subject not in OURS]


def ratios_of(runs, ours, other, workloads=WORKLOADS):
    """(ratio, benchmark) of each row."""
    for workload, load in workloads:
        for order in ORDERS:
            for threads in (1, 2):
                ratio = quotient(runs.median(runs.find(workload, other, order, load, None, threads)),
                                 runs.median(runs.find(workload, ours, order, load, None, threads)))
                if ratio is not None:
                    yield ratio, f"{row_name(workload, order, load)} with {threads} thread{'s' if threads > 1 else ''}"


def least_ratio(runs, ours, other, workloads=WORKLOADS):
    """A sentence, or nothing."""
    ratios = list(ratios_of(runs, ours, other, workloads))
    if not ratios:
        return []
    ratio, name = min(ratios)
    return [f"{code(other)} to {code(ours)}, the least ratio: {times(ratio)}, of {name}."]


def headline(runs, ours):
    """One of Ashlar's own peers against each other one: ns, and how many times faster it is."""
    others = others_in(runs)
    head = ["ns, 1 / 2 threads", code(ours)]
    for other in others:
        head += [code(other), "ratio"]
    rows = [head]
    for workload, load in WORKLOADS:
        for order in ORDERS:
            figures = {subject: [runs.median(runs.find(workload, subject, order, load, None, threads))
                                 for threads in (1, 2)] for subject in (ours, *others)}
            row = [row_name(workload, order, load), both(map(nanoseconds, figures[ours]))]
            for other in others:
                row += [both(map(nanoseconds, figures[other])),
                        both(times(quotient(slower, faster)) for slower, faster in zip(figures[other], figures[ours]))]
            rows.append(row)
    least = [sentence for other in others for sentence in least_ratio(runs, ours, other)]
    return [*markdown(rows), "", " ".join([*least, runs.conditions()])]


def inlined(runs):
    """Sources whose verbs are compiled into the loop."""
    subjects = [subject for subject in runs.subjects() if not subject.startswith(("peer:", "zone/", "machine/"))]
    rows = [["ns, 1 / 2 threads", *map(code, subjects)]]
    for workload, load in [*WORKLOADS, ("mixed", None), ("handover", None)]:
        for order in {"mixed": (None,), "handover": (0,)}.get(workload, ORDERS):
            rows.append([row_name(workload, order, load)] + [
                both(nanoseconds(runs.median(runs.find(workload, subject, order, load, None, threads)))
                     for threads in (1, 2)) for subject in subjects])
    least = [sentence for some in (WORKLOADS[:2], WORKLOADS[2:])
             for sentence in least_ratio(runs, "radix/exclusive", "list/exclusive", some)]
    return [*markdown(rows), "", " ".join([*least, runs.conditions()])]


def batch(runs):
    """Many blocks at once, and one by one."""
    subjects = [subject for subject in runs.subjects() if runs.find("batch", subject, 0)]
    rows = [["ns a block, allocated and freed: 64 at once / one by one", *map(code, subjects)]]
    for order in ORDERS:
        rows.append([f"order {order}"] + [
            both(nanoseconds(runs.median(runs.find(workload, subject, order))) for workload in ("batch", "batch_one_by_one"))
            for subject in subjects])
    return [*markdown(rows), "", runs.conditions()]


def trace(runs):
    """The replay of a kernel: ns an event."""
    found = [(subject, name) for subject in runs.subjects() if (name := runs.find("trace", subject))]
    others = others_in(runs)
    rows = [[f"replay of {code(runs.context['trace'])}", "ns an event", *(f"{code(other)} to it" for other in others)]]
    for subject, name in found:
        ratios = [times(quotient(runs.median(runs.find("trace", other)), runs.median(name))) for other in others]
        rows.append([code(subject), nanoseconds(runs.median(name)), *ratios])
    return [*markdown(rows), "", runs.conditions()]


def placement(placed, trace_name):
    """`placed`: {who: {whole_blocks_share, and of the others what there is}}, from the policy lab."""
    def share(of, figure):
        return f"{100 * of[figure]:.1f} %" if figure in of else "-"
    rows = [[f"at the end of {code(trace_name)}, on 1 GiB", "of the free memory, in whole 2 MiB blocks",
             "of all 2 MiB blocks, with something unmovable in them", "whole after compaction, frames moved for it"]]
    for who, of in placed.items():
        moved = f"{share(of, 'compacted_blocks_share')}, {of['compaction_moves']:,}" if "compacted_blocks_share" in of else "-"
        rows.append([code(who), share(of, "whole_blocks_share"), share(of, "pinned_blocks_share"), moved])
    return markdown(rows)


def worst(runs, subjects):
    """What 99.99 % of the operations took at most, and all of them, each in the repetition that was disturbed least."""
    rows = [["99.99 % / all of the operations take at most", *map(code, subjects)]]
    for workload, load in [*WORKLOADS, ("mixed", None), ("trace", None)]:
        for order in (None,) if workload in ("mixed", "trace") else ORDERS:
            names = [runs.find(workload, subject, order, load) for subject in subjects]
            if any(names):
                rows.append([row_name(workload, order, load)] + [
                    f"{duration(runs.least(name, 'p9999_ns'))} / {duration(runs.least(name, 'worst_ns'))}"
                    for name in names])
    return [*markdown(rows), "", "One thread; the least of the repetitions, for a thread that is "
            "preempted waits, too; with the time that reading the clock takes. " + runs.conditions()]


def sizes_of(runs):
    return list(dict.fromkeys(parsed.memory for parsed in runs.parsed))


def memory(runs, subjects):
    """How speed depends on how much memory there is."""
    sizes = sizes_of(runs)
    rows = [["ns", *sizes, f"{sizes[-1]} to {sizes[0]}"]]
    for subject in subjects:
        for workload, load in (("bulk", None), ("random", None), ("churn", None), ("same", None)):
            for order in ORDERS:
                figures = [runs.median(runs.find(workload, subject, order, load, size)) for size in sizes]
                if any(figures):
                    rows.append([f"{code(subject)}, {row_name(workload, order)}", *map(nanoseconds, figures),
                                 times(quotient(figures[-1], figures[0]))])
    return [*markdown(rows), "", runs.conditions()]


def failing(runs, subjects):
    """Requests that fail: the first, those after it, and the longest part of the first that is made in sections."""
    sizes = sizes_of(runs)
    rows = [["first / later / longest section", *sizes]]
    for subject in subjects:
        for order in (3, 9):
            names = [runs.find("fail", subject, order, None, size) for size in sizes]
            if any(names):
                rows.append([f"{code(subject)}, order {order}"] + [
                    " / ".join(map(duration, (runs.least(name, "real_time"), runs.least(name, "next_ns"),
                                              runs.least(name, "section_ns")))) for name in names])
    return [*markdown(rows), "", "The least of the repetitions. " + runs.conditions()]


def heaps(runs, ours):
    """Allocators of virtual memory, as context."""
    subjects = [ours, *(subject for subject in runs.subjects() if subject.removeprefix("peer:") in HEAPS)]
    rows = [["ns, 1 / 2 threads", *map(code, subjects)]]
    for workload, load in WORKLOADS:
        for order in (0, 9):
            rows.append([row_name(workload, order, load)] + [
                both(nanoseconds(runs.median(runs.find(workload, subject, order, load, None, threads)))
                     for threads in (1, 2)) for subject in subjects])
    return [*markdown(rows), "", runs.conditions()]


def instructions(costs, parse, added):
    """`costs`: {name: {instructions, atomics}}; `added`: {verb: instructions that a machine adds}."""
    names = {parsed: name for name in costs if (parsed := parse(name))}
    subjects = list(dict.fromkeys(parsed.subject for parsed in names))
    rows = [["instructions (of them atomic)", *map(code, subjects)]]
    for row in dict.fromkeys((parsed.workload, parsed.order, parsed.load) for parsed in names):
        cells = []
        for subject in subjects:
            found = [costs[name] for parsed, name in names.items()
                     if parsed.subject == subject and (parsed.workload, parsed.order, parsed.load) == row]
            atomics = found and found[0]["atomics"]
            cells.append("-" if not found else f"{found[0]['instructions']:.0f} (not counted)" if atomics is None
                         else f"{found[0]['instructions']:.0f} ({atomics:.1f})")
        rows.append([row_name(*row), *cells])
    told = ", ".join(f"{count:.0f} to {verb}" for verb, count in added.items())
    return [*markdown(rows), "", f"Counted by Valgrind's callgrind, one thread, 1 GiB. A machine adds to its zone's own, at "
            f"order 0 of {code('radix/exclusive')}, in instructions: {told}. Cache misses: not counted here."]


def boot(runs):
    rows = [["machine", "time to boot", "zones", "metadata", "bits a frame (radix words)"]]
    names = [name for name in runs.runs if name.startswith("boot/")]
    for name in sorted(names, key=lambda each: runs.median(each, "metadata_bytes")):
        rows.append([code(name), f"{runs.median(name):.2f} ms", f"{runs.median(name, 'zones'):.0f}",
                     f"{runs.median(name, 'metadata_bytes') / 2**20:.2f} MiB",
                     f"{runs.median(name, 'bits_per_frame'):.4f}"])
    return [*markdown(rows), "", runs.conditions()]


def move(runs):
    """What a frame costs that moves, and the speed as a part of memcpy's."""
    found = {tuple(name.split("/")[1:]): name for name in runs.runs if name.startswith("move/")}
    limit = runs.median(found.get(("memcpy", "order:0")), "frames_per_second")

    def cell(what, order):
        speed = runs.median(found.get((what, f"order:{order}")), "frames_per_second")
        if not speed:
            return "-"
        return nanoseconds(1e9 / speed) + ("" if limit is None else f", {100 * speed / limit:.0f} %")
    rows = [["ns a frame of 4 KiB, and of the speed of `memcpy`", "one by one", "in blocks of 512"]]
    rows += [[code(what), cell(what, 0), cell(what, 9)] for what in MOVES if (what, "order:0") in found]
    return [*markdown(rows), "", runs.conditions()]


def remap(runs):
    """Where a frame lies: anywhere, remapped, in a pageblock; with the bytes."""
    found = {tuple(name.split("/")[1:]): name for name in runs.runs if name.startswith("remap/")}
    structures = {structure for structure, _, _ in found}
    sizes = sorted({int(entries) for _, _, entries in found})

    def time(structure, workload, entries):
        return runs.median(found.get((structure, workload, str(entries))))
    rows = [["ns: not remapped / hit / local", *(f"{entries:,} frames" for entries in sizes)]]
    for structure in (each for each in REMAP_STRUCTURES if each in structures):
        cells = []
        for entries in sizes:
            times_of = [time(structure, workload, entries) for workload in ("not_remapped", "hit", "local")]
            size = runs.median(found.get((structure, "hit", str(entries))), "bytes")
            cells.append("-" if size is None else
                         " / ".join(map(nanoseconds, times_of)) + f", {size / 2**20:.2f} MiB")
        rows.append([code(structure), *cells])
    told = []
    for entries in sizes:
        ratio = quotient(time("upper_bound", "not_remapped", entries), time("remap_table", "not_remapped", entries))
        if ratio is not None:
            told.append(f"{times(ratio)} with {entries:,}")
    writer = []
    for entries in sizes:
        alone, beside = (time("remap_table", workload, entries) for workload in ("not_remapped", "with_writer"))
        if alone is not None and beside is not None:
            writer.append(f"{beside - alone:+.1f} ns with {entries:,}")
    return [*markdown(rows), "", f"Not remapped, {code('upper_bound')} to {code('remap_table')}: {', '.join(told)}. A writer "
            f"who changes a mapping each millisecond adds to {code('remap_table')}, not remapped: {', '.join(writer)}. "
            + runs.conditions()]


def remote(runs):
    """A peer's memory: what finding and holding a window costs, and what an access through one that covers everything
    costs, beside the mapping itself."""
    def time(*words):
        return runs.median("/".join(("remote", *words)))

    def of(mine, other):
        ratio = quotient(mine, other)
        return "-" if ratio is None else f"{ratio:.2f}"
    lock = time("hit", "map_mutex")
    rows = [["a pin and its release, among 64 windows", "ns", "of a map behind a mutex"]]
    rows += [[code(what), nanoseconds(time("hit", name)), of(time("hit", name), lock)]
             for what, name in (("window_cache", "window_cache"), ("identity_window", "identity_window"),
                                ("std::map, std::mutex", "map_mutex")) if time("hit", name)]
    identity = [["through `identity_window`", "ns a word, anywhere", "of the mapping", "ns a word, by pages", "of the mapping"]]
    for what, name in (("the mapping itself", "raw"), ("local_of", "local_of"), ("pin", "pin")):
        cells = []
        for piece in ("word", "page"):
            benchmark = f"remote/identity/{name}/{piece}"
            mine = runs.median(benchmark)
            cells += ["-", "-"] if mine is None else [f"{1e9 * runs.median(benchmark, 'a_word'):.2f}",
                                                      of(mine, time("identity", "raw", piece))]
        if cells != ["-"] * 4:
            identity.append([what if name == "raw" else code(what), *cells])
    return [*markdown(rows), "", *markdown(identity), "", runs.conditions()]
