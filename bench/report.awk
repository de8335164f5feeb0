# SPDX-License-Identifier: MIT
#
# Turns measured values into the table of bench/run. The first file holds
# "SIDE ROW VALUE" lines, the second one the chosen rows of bench/rows.
# Variables: no_go, why Go is left out, or empty; csv, a file to write, too.
# Exits 1 when a row failed.

# The values of a side and row in order, as sorted[1..n]; -1: one failed.
function sort_values(side, row,    n, i, j, v) {
    n = count[side, row] + 0
    for (i = 1; i <= n; i++) {
        v = value[side, row, i]
        if (v == "failed")
            return -1
        v = v * scale[row]
        for (j = i - 1; j >= 1 && sorted[j] > v; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = v
    }
    return n
}

function show(x) {
    return sprintf(x >= 1000 ? "%.0f" : x >= 100 ? "%.1f" : "%.2f", x)
}

# Sets low, middle and high; "failed" or "-" where there are none.
function summarise(side, row,    n) {
    n = sort_values(side, row)
    low = middle = high = n < 0 ? "failed" : "-"
    if (n <= 0)
        return
    low = show(sorted[1])
    middle = show((sorted[int((n + 1) / 2)] + sorted[int(n / 2) + 1]) / 2)
    high = show(sorted[n])
}

# ok or below, "-" where the target cannot be judged.
function judge(target, figure, ratio) {
    if (figure == "failed")
        return "failed"
    if (target ~ /^<=/)
        return figure + 0 <= substr(target, 3) + 0 ? "ok" : "below"
    if (ratio == "-")
        return "-"
    return ratio + 0 >= target + 0 ? "ok" : "below"
}

FILENAME == ARGV[1] {
    value[$1, $2, ++count[$1, $2]] = $3
    next
}

/^[^#]/ {
    rows++
    name[rows] = $1
    unit[$1] = $4
    target[$1] = $5
    scale[$1] = $4 == "ms" ? $3 / 1e6 : 1
}

END {
    form = "%-16s %-13s %9s %9s %9s  %9s %9s %9s  %6s %7s  %s\n"
    printf form, "row", "unit", "weir min", "median", "max", "go min",
        "median", "max", "ratio", "target", ""
    if (csv)
        print "row,unit,weir_min,weir_median,weir_max,go_min,go_median," \
            "go_max,ratio,target,mark" > csv
    for (i = 1; i <= rows; i++)
        line(name[i])
    printf "\n%d rows: %d ok, %d below their target, %d not judged, " \
        "%d failed\n", rows, marks["ok"], marks["below"], marks["-"],
        marks["failed"]
    if (below != "")
        print "below:" below
    exit marks["failed"] > 0
}

function line(row,    w, wl, wh, ratio, mark) {
    summarise("weir", row)
    w = middle; wl = low; wh = high
    summarise("go", row)
    ratio = "-"
    if (w + 0 > 0 && middle + 0 > 0)
        ratio = sprintf("%.2f", middle / w)
    mark = middle == "failed" ? "failed" : judge(target[row], w, ratio)
    marks[mark]++
    if (mark == "below")
        below = below " " row
    if (csv)
        print row "," unit[row] "," wl "," w "," wh "," low "," middle "," \
            high "," ratio "," target[row] "," mark > csv
    if (no_go) {
        low = "skipped:"
        middle = no_go
        high = ""
    }
    printf form, row, unit[row], wl, w, wh, low, middle, high, ratio,
        target[row], mark
}
