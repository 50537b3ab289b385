# names.awk FILES: static functions whose name stands in too many files. On a hot path (below) a name stands in one
# file, elsewhere in two at most. Last the sum: so many names.
function is_hot(file) {
    return file ~ /^broker\/(api|client|log|net|protocol|raft|record|replica)\// || file ~ /^sim\/(disk|net|world)\//
}
FNR == 1 { is_static = 0 }
is_static && /^[a-z_][a-zA-Z0-9_]*\(/ {
    name = $0
    sub(/\(.*/, "", name)
    if (!((name, FILENAME) in seen)) {
        seen[name, FILENAME]
        files[name] = files[name] " " FILENAME
        n[name]++
        hot[name] = hot[name] || is_hot(FILENAME)
    }
}
{ is_static = /^static [^;(){}=]*$/ }
END {
    for (name in n) {
        sum++
        if (n[name] > 2 || (n[name] > 1 && hot[name])) print name " stands in" files[name]
    }
    print sum + 0 " names"
}
