# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ashlar's types as gdb prints them. In gdb, or in .gdbinit: source PATH/ashlar.py

    frame<Space>     frame 0x1200; guest frame 0x1200 if the space is not `machine`
    range<Space>     frames [0x1000, 0x2000), 4096
    request<Space>   the fields that differ from their defaults
    result<T>        the value, or error: exhausted
    errc             exhausted
    node_set         nodes {0, 2}; all nodes
"""
import gdb
import gdb.printing

# As include/ashlar/core/request.hpp has them. A field that is not here is always shown.
REQUEST_DEFAULTS = {"order": 0, "node": 0xffff, "mirror": 0, "mobility": 0, "urgent": 0, "effort": 0xffffffff}
ALL = (1 << 64) - 1


def space_of(value):
    """`guest ` for a frame<guest>, nothing for machine frames."""
    space = value.type.strip_typedefs().template_argument(0).name.rpartition("::")[2]
    return "" if space == "machine" else f"{space} "


def errc_name(value):
    if value.type.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
    names = {field.enumval: field.name.rpartition("::")[2] for field in value.type.strip_typedefs().fields()}
    return names.get(int(value), f"errc {int(value)}")


class Frame:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"{space_of(self.value)}frame {int(self.value['number']):#x}"


class Range:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        first, count = int(self.value["first"]["number"]), int(self.value["count"])
        return f"{space_of(self.value)}frames [{first:#x}, {first + count:#x}), {count}"


class NodeSet:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        bits = int(self.value["bits"])
        nodes = ", ".join(str(node) for node in range(64) if bits >> node & 1)
        return "all nodes" if bits == ALL else f"nodes {{{nodes}}}"


class Request:
    def __init__(self, value):
        self.value = value

    def is_default(self, name):
        field = self.value[name]
        if name == "nodes":
            return int(field["bits"]) == ALL
        if name == "below":
            return int(field["number"]) == ALL
        return name in REQUEST_DEFAULTS and int(field) == REQUEST_DEFAULTS[name]

    def to_string(self):
        return f"{space_of(self.value)}request"

    def children(self):
        return ((field.name, self.value[field.name]) for field in self.value.type.strip_typedefs().fields()
                if not self.is_default(field.name))


class Result:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        error = errc_name(self.value["error_"])
        return self.value["value_"].format_string() if error == "ok" else f"error: {error}"


class Errc:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return errc_name(self.value)


def register():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("ashlar")
    for name, printer in {"frame<.*>": Frame, "range<.*>": Range, "request<.*>": Request, "result<.*>": Result,
                          "errc": Errc, "node_set": NodeSet}.items():
        printers.add_printer(name.partition("<")[0], f"^ashlar::{name}$", printer)
    gdb.printing.register_pretty_printer(None, printers, replace=True)


register()
