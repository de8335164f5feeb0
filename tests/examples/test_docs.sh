#!/bin/bash
# SPDX-License-Identifier: MIT
# The C in README.md and docs/from-*.md compiles, and their links lead
# somewhere. What counts as C there:
#
#   ```c blocks       with a line at the margin that only a file can have
#                     (#, WEIR_CHAN, static ... ) they are for the whole page
#                     from there on; with a main they are a program of their
#                     own; the others are statements in a function
#   `spans` in the last column of a table `| ... | weir |`
#                     statements, when they end with a semicolon; options of
#                     a channel, when they begin with a full stop
#   <!-- comments -->  from their first #include on: what the page takes for
#                     granted
set -u

source=${WEIR_SOURCE:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; failed=1; }

# Writes OUT/page.c, OUT/program_LINE.c, and how much of each kind to OUT/n.
extract() { # PAGE OUT
    mkdir -p "$2"
    awk -v out="$2" '
        function at(line) { return "#line " line " \"" FILENAME "\"\n" }
        function statements(line, text) {
            print at(line) "static int snippet_" ++id "(void)\n{\n" at(line) \
                text "\nreturn 0;\n}" > page
        }
        function block_ends() {
            if (text ~ /(^|\n)int main\(/)
                print at(first) text > (out "/program_" first ".c")
            else if (text ~ /(^|\n)(#|WEIR_CHAN|static )/)
                print at(first) text > page
            else
                statements(first, text)
        }
        function spans(line, cell,    n, part, i) {
            n = split(cell, part, "`")
            for (i = 2; i <= n; i += 2) {
                if (part[i] ~ /^\./)
                    statements(line, "weir_chan_opts o = {" part[i] "};")
                else if (part[i] ~ /;$/)
                    statements(line, part[i])
                else
                    continue
                found++
            }
        }
        BEGIN { page = out "/page.c"; print "extern int page;" > page }
        /^<!--/ { comment = 1 }
        comment && /-->/ { comment = 0; granted = 0; next }
        comment && /^#include/ && !granted { granted = 1; print at(NR) > page }
        granted { print > page }
        comment { next }
        /^```c$/ { block = 1; first = NR + 1; text = ""; blocks++; next }
        block && /^```$/ { block = 0; block_ends(); next }
        block { text = text $0 "\n"; next }
        /^\|.*\| weir \|$/ { table = 1; next }
        !/^\|/ { table = 0 }
        table { sub(/ *\|$/, ""); sub(/.*\| /, ""); spans(NR, $0) }
        END { print blocks + 0, found + 0 > (out "/n") }
    ' "$1"
}

compiles() { # DIRECTORY
    local unit all=0
    for unit in "$1"/*.c; do
        "${CC:-cc}" -std=c11 -fsyntax-only -Wall -Wextra -Wpedantic \
            -Wconversion -Werror -Wno-unused -Wno-uninitialized \
            -I "$source/include" "$unit" || all=1
    done
    return $all
}

check() { # PAGE BLOCKS SPANS: at least so many
    local blocks spans out
    out=$work/$(basename "$1")
    extract "$source/$1" "$out"
    read -r blocks spans < "$out/n"
    if [ "$blocks" -lt "$2" ] || [ "$spans" -lt "$3" ]; then
        not_ok "$1: found only $blocks blocks and $spans spans"
    elif compiles "$out"; then
        ok "$1: $blocks blocks and $spans spans compile"
    else
        not_ok "$1: $blocks blocks and $spans spans compile"
    fi
}

check_links() { # PAGE: what it points to in this tree is there
    local target missing=
    while read -r target; do
        [ -e "$source/$(dirname "$1")/$target" ] || missing+=" $target"
    done < <(sed 's/`[^`]*`//g' "$source/$1" | grep -o '\]([^):#]*)' |
        sed 's/^](//; s/)$//')
    if [ -z "$missing" ]; then
        ok "$1: its links lead somewhere"
    else
        not_ok "$1: links to$missing"
    fi
}

check_examples_listed() {
    local program missing=
    for program in "$source"/examples/*.c; do
        grep -qF "](${program##*/})" "$source/examples/README.md" ||
            missing+=" ${program##*/}"
    done
    if [ -z "$missing" ]; then
        ok "examples/README.md has all programs"
    else
        not_ok "examples/README.md lacks$missing"
    fi
}

# A page with one mistake, which must be found.
check_finds() { # WHAT SED-EXPRESSION
    sed "$2" "$source/docs/from-go.md" > "$work/mistake.md"
    extract "$work/mistake.md" "$work/mistake"
    if compiles "$work/mistake" 2> "$work/errors"; then
        not_ok "$1 is found"
    elif grep -q "mistake\.md:[0-9]*:.*no_such" "$work/errors"; then
        ok "$1 is found"
    else
        not_ok "$1 is found: $(cat "$work/errors")"
    fi
}

if ! "${CC:-cc}" --version > /dev/null 2>&1; then
    echo "skip: no C compiler"
    exit 77
fi

check README.md 1 0
for page in "$source"/docs/from-*.md; do
    check "docs/${page##*/}" 3 10
done
check_finds "a mistake in a block" \
    's/^    ints_recv_case(c, &v),/    no_such_case(c, \&v),/'
check_finds "a mistake in a span" 's/`ints_close(c);`/`no_such_close(c);`/'
check_finds "a mistake in an option" 's/`\.capacity = 50`/`.no_such = 50`/'
for page in "$source"/{README,docs/*,examples/README}.md; do
    check_links "${page#"$source/"}"
done
check_examples_listed
exit $failed
