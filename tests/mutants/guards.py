#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes the guards of the shipped headers out one by one, and expects that a test notices.

guards.py SOURCE BUILD WORK [--share I/N] [--only PART]... [--list]

A guard is an `if` that does nothing but return an errc: an error, one that is passed on, or `ok` where nothing is left to
do; of `if (a || b)` each part is taken out alone. The judges are the test programs but for explorations and those that
need two guests; a guard is come by when it returns. switches.py has how it is done. Guards that stay though nobody
notices are in guards_kept.txt, those that return in no test in guards_unmet.txt. Without ASHLAR_LONG nothing is done: it
takes an hour; nor without /dev/kvm, for what the tests of KVM come by would count as unmet.
"""
import os
import re

import judges
import switches

JUDGES = re.compile(r"(fault|law|mapped_device|model|remote|unit|vector)-")
# Guests, tools, and types all of whose headers others have, too.
LEFT_OUT = re.compile(
    r"remote-(soft-ntb|three-servers)|(unit|vector)-(bench|lab)-|"
    r"(law|model)-(naive|list-buddy-(full|flat)|radix-buddy-(full|words-32)|counted-radix|"
    r"counted-locked-list|locked-counted-list|cpu-magazines-(list|radix|counted-radix)|ownership-checked-cpu-rows|"
    r"scrubbed-radix|poisoned-locked-list|accepted-list|zone-radix)$")
RETURN = re.compile(r"\s*return ([^;]*);")
OPENING, CLOSING = "([{", ")]}"


def parts_of(text, separator):
    """Positions of the parts of `text` between separators that no bracket encloses."""
    parts, begin, depth, at = [], 0, 0, 0
    while at < len(text):
        depth += (text[at] in OPENING) - (text[at] in CLOSING)
        if depth == 0 and text.startswith(separator, at):
            parts.append((begin, at))
            at = begin = at + len(separator)
        else:
            at += 1
    return parts + [(begin, len(text))]


def end_of(text, opening):
    """Where the bracket at `opening` is closed; None if it is not."""
    depth = 0
    for at in range(opening, len(text)):
        depth += (text[at] in OPENING) - (text[at] in CLOSING)
        if depth == 0:
            return at
    return None


def take_out(text, add):
    made, done = [], 0
    for match in re.finditer(r"\bif \(", text):
        begin, end = match.end(), end_of(text, match.end() - 1)
        returned = RETURN.match(text, end + 1) if end else None
        if not returned or "//" in text[text.rindex("\n", 0, begin):end]:
            continue
        condition = text[begin:end]
        if "errc::" not in returned.group(1) and "errc::ok" not in condition:
            continue
        statement = text[match.start():returned.end()]
        first = parts_of(condition, ";")[-1][0]  # after what it declares
        parts = parts_of(condition[first:], "||")
        asked = []
        for part_begin, part_end in parts:
            part = condition[first + part_begin:first + part_end].strip()
            words = statement if len(parts) == 1 else f"{statement} | {part}"
            number = add(begin, words, {"taken out": 1})
            asked.append(f"(({part}) && !::ashlar::switched::is_broken({number}))")
        made += [text[done:begin + first], " || ".join(asked)]
        done = end
    return "".join(made) + text[done:]


def make_copy(source, include, numbers):
    copy = switches.Copy(source, include, numbers)
    copy.rewrite(("testing/",), take_out)
    return copy


def choose(targets):
    return [target for target in targets if JUDGES.match(target) and not LEFT_OUT.match(target)]


if __name__ == "__main__":
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        judges.leave_out("some guards are for guests, which need /dev/kvm")
    switches.run("Takes guards out, and expects that tests notice.", "guards_kept.txt", "guards_unmet.txt", make_copy, choose)
