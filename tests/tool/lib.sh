# SPDX-License-Identifier: MIT
# What the tool's tests share; each sources it. Every case prints "ok - NAME"
# or "not ok - NAME"; `finish` ends with the result. Nothing here waits for a
# time: commands tell of themselves through FIFOs, and `run` sets a limit
# against hanging only.
set -u
export LC_ALL=C
unset POSIXLY_CORRECT
shopt -s lastpipe # so that `... | run` keeps its status

weir=${WEIR_TOOL:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
cases=0
too_long=600 # seconds that nothing takes, however busy the machine is

ok() {
    cases=$((cases + 1))
    echo "ok - $1"
}

not_ok() {
    cases=$((cases + 1))
    failed=$((failed + 1))
    echo "not ok - $1"
}

skip() {
    echo "skip - $1"
}

# check NAME COMMAND...: the command succeeds.
check() {
    local name=$1
    shift
    if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# same NAME WANTED-FILE GOT-FILE
same() {
    if cmp -s "$2" "$3"; then
        ok "$1"
    else
        not_ok "$1"
        diff "$2" "$3" 2>&1 | head -n 10
    fi
}

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1"
        echo "    wanted: $2"
        echo "    got:    $3"
    fi
}

# has NAME FILE PATTERN: some line matches the extended expression.
has() {
    if grep -Eq -e "$3" "$2"; then
        ok "$1"
    else
        not_ok "$1"
        echo "    no line matches: $3"
        head -n 10 "$2" | sed 's/^/    /'
    fi
}

# run COMMAND...: standard error to $work/err, the status in $status.
run() {
    timeout -k 5 $too_long "$@" 2> "$work/err"
    status=$?
}

# The numbers of the last ledger line in a file: in out dropped failed left.
ledger() {
    grep -E ': in [0-9]+ = out ' "$1" | tail -n 1 |
        sed -E 's/.*in ([0-9]+) = out ([0-9]+) \+ dropped ([0-9]+)( \([^)]*\))? \+ failed ([0-9]+) \+ left ([0-9]+).*/\1 \2 \3 \5 \6/'
}

# balanced NAME FILE: there is a ledger line, and it balances.
balanced() {
    local in out dropped fail left
    read -r in out dropped fail left <<< "$(ledger "$2")"
    if [ -n "${left:-}" ] && [ "$in" -eq $((out + dropped + fail + left)) ]
    then
        ok "$1"
    else
        not_ok "$1"
        tail -n 5 "$2" | sed 's/^/    /'
    fi
}

# Waits until our child ends, which a limit makes sure of; sets $status.
await() {
    timeout $too_long tail -f -s 0.05 --pid="$1" /dev/null || kill -9 "$1"
    wait "$1"
    status=$?
}

# Asks the process for snapshots until its standard error, in $work/err, has a
# line that matches; gives up when the process has ended. Only one that is weir
# already, and catches SIGUSR1 (bit 10), is asked: the shell before it catches
# that, too, and would tidy up and die.
wait_for() { # PID PATTERN
    local i mask
    for ((i = 0; i < 12000; i++)); do
        [ -e "/proc/$1/exe" ] || return
        if [ "/proc/$1/exe" -ef "$weir" ]; then
            mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" \
                2> /dev/null)
            ((0x${mask:-0} & 0x200)) && kill -USR1 "$1" 2> /dev/null
        fi
        grep -Eq -e "$2" "$work/err" && return
        sleep 0.05
    done
    echo "    waited in vain for: $2"
}

# Starts a buffer whose consumer reads nothing before $work/go; its input is
# descriptor 4. Sets $pid.
held() { # OPTIONS...
    rm -f "$work/input" "$work/output" "$work/go"
    mkfifo "$work/input" "$work/output" "$work/go"
    : > "$work/err" # what wait_for looks at is this one's
    "$weir" buf "$@" < "$work/input" > "$work/output" 2> "$work/err" &
    pid=$!
    {
        exec 5< "$work/output"
        read -r x < "$work/go"
        cat <&5
    } > "$work/got" &
    consumer=$!
    exec 4> "$work/input"
}

# Ends its input, lets the consumer read, and waits for both.
release() {
    exec 4>&-
    echo x > "$work/go"
    await "$pid"
    wait "$consumer"
}

# Skips the script where the engine file is not built. The dlopen of gcc's
# sanitizers does not know libweir's run path.
need_file() {
    local beside
    beside=$(dirname "$weir")
    [ -e "$beside/libweir-file.so.0" ] || exit 77
    if ldd "$weir" | grep -Eq 'lib[at]san'; then
        export LD_LIBRARY_PATH=$beside
    fi
}

finish() {
    echo "$cases cases, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}
