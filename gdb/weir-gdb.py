# SPDX-License-Identifier: MIT
"""Tasks of the weir runtime, in live processes and core files.

    (gdb) source weir-gdb.py
    (gdb) weir tasks          every task: state, what it waits on, spawn site
    (gdb) weir bt N           where task N of that list stands
    (gdb) weir bt all         where each of them stands

The library describes itself in the constant weir_gdb_table, so it needs no
debug information, and nothing is called in the process.

gcore leaves a slab of stacks out of its core where it meets a guard that is
no mapping of its own (Linux 6.13 and later); a core that the kernel wrote has
them all.

A parked task is no thread, and a core's registers cannot be changed. So for
the length of one backtrace an unwinder takes the place of the first frame's
caller: it answers with the registers that the task's switch saved.
"""

import gdb
from gdb.unwinder import Unwinder

FIELDS = (
    "version kinds nkinds kind_size open full "
    "slab_next slab_base slab_stride slab_slots slab_state "
    "state_bits warm room line staggers "
    "sp state reason pinned on site name id on_name "
    "none ready running waiting reasons nreasons"
).split()

# By architecture: the saved registers' offsets, where the program counter
# and the stack pointer of the one who switched are.
LAYOUT = {
    "x86-64": (
        {"r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48,
         "rip": 56},
        "rip", "rsp", 64),
    "aarch64": (
        {**{"x%d" % (19 + i): 64 + 8 * i for i in range(12)}, "pc": 152},
        "pc", "sp", 176),
}


def read(address, size):
    memory = gdb.selected_inferior().read_memory(address, size)
    return int.from_bytes(memory.tobytes(), "little")


def word(address):
    return read(address, 8)


def text(address, limit=128):
    """The C string there, as far as it is readable."""
    out = b""
    inferior = gdb.selected_inferior()
    try:
        while len(out) < limit:
            byte = inferior.read_memory(address + len(out), 1).tobytes()
            if byte == b"\0":
                break
            out += byte
    except gdb.MemoryError:
        pass
    return out.decode(errors="replace")


def symbol(address):
    """function+offset, as gdb knows it."""
    said = gdb.execute("info symbol 0x%x" % address, to_string=True)
    if said.startswith("No symbol"):
        return "0x%x" % address
    return said.split(" in section")[0].replace(" + ", "+")


class Table:
    """The library's own description, by the names in FIELDS."""

    def __init__(self):
        try:
            at = int(gdb.parse_and_eval("(unsigned long)&weir_gdb_table"))
        except gdb.error:
            raise gdb.GdbError("weir: no weir_gdb_table: is the library there?")
        for i, field in enumerate(FIELDS):
            setattr(self, field, word(at + 8 * i))
        if self.version != 1:
            raise gdb.GdbError("weir: this script does not know version %d of "
                               "the library's table" % self.version)

    def slabs(self):
        for i in range(self.nkinds):
            kind = self.kinds + i * self.kind_size
            for head in (self.open, self.full):
                slab = word(kind + head)
                while slab:
                    yield slab
                    slab = word(slab + self.slab_next)

    def records(self):
        """(record, lowest and highest address of its slot), used ones."""
        for slab in self.slabs():
            base = word(slab + self.slab_base)
            stride = word(slab + self.slab_stride)
            slots = read(slab + self.slab_slots, 4)
            states = word(slab + self.slab_state)
            states = gdb.selected_inferior().read_memory(states, slots)
            for i in range(slots):
                if states[i][0] & self.state_bits != self.warm:
                    continue
                low, end = base + i * stride, base + (i + 1) * stride
                yield end - i % self.staggers * self.line - self.room, low, end

    def tasks(self):
        number = 0
        for at, low, end in self.records():
            state = read(at + self.state, 4)
            if state != self.none:
                number += 1
                yield Task(self, number, at, low, end, state)


class Task:
    def __init__(self, table, number, at, low, end, state):
        self.table, self.number, self.at = table, number, at
        self.low, self.end = low, end
        self.running = state == table.running
        self.state = ("running" if self.running else
                      "ready" if state == table.ready else self.wait())
        if read(at + table.pinned, 1):
            self.state += ", pinned"
        name = word(at + table.name)
        self.name = '"%s"' % text(name) if name else "unnamed"
        self.site = symbol(word(at + table.site))
        self.id = word(at + table.id)

    def wait(self):
        t = self.table
        reason = read(self.at + t.reason, 4)
        reason = reason if reason < t.nreasons else 0
        words = "waits on " + text(word(t.reasons + 8 * reason))
        on_name, on = text(self.at + t.on_name, 32), word(self.at + t.on)
        if on_name:
            return '%s "%s"' % (words, on_name)
        return "%s 0x%x" % (words, on) if on else words

    def __str__(self):
        number = "%d" % self.number
        if self.id:
            number += " (task %d)" % self.id
        return "%s %s: %s, spawned at %s" % (number, self.name, self.state,
                                             self.site)


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class ParkedUnwinder(Unwinder):
    """While task_sp is set, the caller of the newest frame is that task."""

    def __init__(self):
        super().__init__("weir parked task")
        self.task_sp = None

    def __call__(self, frame):
        if self.task_sp is None or frame.level() != 0:
            return None
        saved, pc, sp, size = layout()
        unsigned = gdb.lookup_type("unsigned long")
        # Below the task's frames, or gdb takes the stack for corrupt.
        here = FrameId(gdb.Value(self.task_sp).cast(unsigned),
                       frame.read_register(pc))
        info = frame.create_unwind_info(here)
        for register, offset in saved.items():
            value = gdb.Value(word(self.task_sp + offset)).cast(unsigned)
            info.add_saved_register(register, value)
        info.add_saved_register(
            sp, gdb.Value(self.task_sp + size).cast(unsigned))
        return info


unwinder = ParkedUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def layout():
    name = gdb.selected_inferior().architecture().name()
    for known, saved in LAYOUT.items():
        if known in name:
            return saved
    raise gdb.GdbError("weir: no backtrace of tasks on " + name)


def bt_parked(task):
    """Without the frame of the thread that stands in for it."""
    unwinder.task_sp = word(task.at + task.table.sp)
    gdb.invalidate_cached_frames()
    try:
        lines = gdb.execute("bt", to_string=True).splitlines()
    finally:
        unwinder.task_sp = None
        gdb.invalidate_cached_frames()
    first = next((i for i, l in enumerate(lines) if l.startswith("#1 ")), None)
    if first is None:
        print("\n".join(lines))
        return
    for line in lines[first:]:
        head, _, rest = line.partition(" ")
        if head.startswith("#") and head[1:].isdigit():
            line = "#%-3d%s" % (int(head[1:]) - 1, rest.lstrip())
        print(line)


def bt_running(task):
    before = gdb.selected_thread()
    sp = layout()[2]
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            frame = gdb.newest_frame()
            if task.low <= int(frame.read_register(sp)) % 2**64 < task.end:
                gdb.execute("bt")
                return
        print("on a thread that stands on another stack just now")
    finally:
        before.switch()


def bt(task):
    print(task)
    if task.running:
        bt_running(task)
    else:
        bt_parked(task)


class Weir(gdb.Command):
    """Tasks of the weir runtime: weir tasks, weir bt N|all."""

    def __init__(self):
        super().__init__("weir", gdb.COMMAND_STACK, prefix=True)


class WeirTasks(gdb.Command):
    """Lists every task with its state, what it waits on and its spawn site."""

    def __init__(self):
        super().__init__("weir tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        n = 0
        for task in Table().tasks():
            print(task)
            n += 1
        print("weir: %d task%s" % (n, "" if n == 1 else "s"))


class WeirBt(gdb.Command):
    """Shows where a task stands: weir bt N, by the list's number, or all."""

    def __init__(self):
        super().__init__("weir bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip()
        if wanted != "all" and not wanted.isdigit():
            raise gdb.GdbError("usage: weir bt N|all")
        tasks = [t for t in Table().tasks()
                 if wanted == "all" or t.number == int(wanted)]
        if not tasks and wanted != "all":
            raise gdb.GdbError("weir: no task " + wanted)
        for task in tasks:
            bt(task)


Weir()
WeirTasks()
WeirBt()
