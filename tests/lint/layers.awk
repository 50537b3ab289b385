# Reads layers.txt, then "FILE:LINE:#include "PATH"" lines; prints each include that the table forbids.
function layer_of(path,    p) {
    for (p = path; p != ""; p = p ~ /\// ? substr(p, 1, match(p, /\/[^\/]*$/) - 1) : "")
        if (p in known) return p
    return ""
}
function may(from, to,    i, n, parts) {
    if (from == to) return 1
    if ((from, to) in memo) return memo[from, to]
    memo[from, to] = 0
    n = split(known[from], parts, " ")
    for (i = 1; i <= n; i++)
        if (may(parts[i], to)) return memo[from, to] = 1
    return 0
}
FNR == NR {
    if ($0 ~ /^#/ || $0 == "") next
    split($0, halves, ":")
    known[halves[1]] = halves[2]
    next
}
{
    n = index($0, ":")
    file = substr($0, 1, n - 1)
    rest = substr($0, n + 1)
    line = substr(rest, 1, index(rest, ":") - 1)
    split(rest, quoted, "\"")
    target = quoted[2]
    # What the generator makes from the schema is protocol's.
    if (target !~ /\//) target = "broker/protocol/" target
    from = layer_of(file)
    to = layer_of(target)
    if (from == "") printf "%s:%s: folder is not in tests/lint/layers.txt\n", file, line
    else if (to == "") printf "%s:%s: \"%s\" is in no layer\n", file, line, target
    else if (!may(from, to)) printf "%s:%s: %s must not know %s\n", file, line, from, target
}
