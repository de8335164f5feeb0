# SPDX-License-Identifier: MIT
#
# Reads a log of `ctest -V` and prints "PASSED FAILED SKIPPED", counting the
# single tests of a program or script that tells of them, and 1 for one that
# does not. What the failed ones printed goes to the file `failures`.

function note(id, good, bad) {
    told[id] = 1
    passed_in[id] += good
    failed_in[id] += bad
}

# A dump of a million tasks is shown by its ends.
function show(id, result,    i, ends) {
    ends = 1000
    print "---- " result > failures
    for (i = 0; i < lines[id]; i++) {
        if (i == ends && lines[id] > 2 * ends) {
            i = lines[id] - ends
            print "... " i - ends " lines are in test.log" > failures
        }
        print text[id, i] > failures
    }
    print "" > failures
}

match($0, /^[0-9]+: /) {
    id = substr($0, 1, RLENGTH - 2)
    text[id, lines[id]++] = substr($0, RLENGTH + 1)
}

# Check's summary.
match($0, /[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
    split(substr($0, RSTART, RLENGTH), n, /[^0-9]+/)
    note(id, n[2] - n[3] - n[4], n[3] + n[4])
}

# A script's cases.
match($0, /^[0-9]+: ok - /) { note(id, 1, 0) }
match($0, /^[0-9]+: not ok - /) { note(id, 0, 1) }
match($0, /^[0-9]+: skip - /) { skipped++ }

# "  3/10 Test  #3: chan/fifo ....   Passed    0.10 sec"
match($0, /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /) {
    split(substr($0, 1, RLENGTH), n, "#")
    id = n[2] + 0
    result = substr($0, RLENGTH + 1)
    passes = result ~ / Passed /
    skips = result ~ /\*\*\*Skipped/
    if (skips)
        skipped++
    else if (!told[id])
        note(id, passes, !passes)
    else if (!passes && !failed_in[id])
        note(id, 0, 1)
    if (!passes && !skips)
        show(id, result)
    for (i = 0; i < lines[id]; i++)
        delete text[id, i]
    passed += passed_in[id]
    failed += failed_in[id]
    ends++
}

END {
    # ctest itself did not come to its end: say so by one more failure.
    if (!ends) {
        failed++
        print "---- no test ran" > failures
    }
    printf "%d %d %d\n", passed, failed, skipped
}
