/* quorum-state as text. The reader takes its members in any order and skips those that it does not
 * know; a bad file is refused as a whole, since a wrong guess about a vote could elect two leaders. */
#include "broker/raft/quorum_state.h"

#include "broker/base/fmt.h"

#define DEPTH_MAX 8

/* ---- writing ---- */

static void
print_json_member(struct writer *w, const char *name, int64_t v)
{
    fmt_char(w, '"');
    fmt_str(w, name);
    fmt_str(w, "\":");
    fmt_i64(w, v);
    fmt_char(w, ',');
}

static void
print_election(struct writer *w, const struct election *e)
{
    print_json_member(w, "leaderId", e->leader_id);
    print_json_member(w, "leaderEpoch", e->epoch);
    print_json_member(w, "votedId", e->voted.id);
}

static void
print_voters(struct writer *w, const struct raft_voter *voters, int32_t n)
{
    fmt_str(w, "\"appliedOffset\":0,\"currentVoters\":[");
    for (int32_t i = 0; i < n; i++) {
        if (i) fmt_char(w, ',');
        fmt_str(w, "{\"voterId\":");
        fmt_i64(w, voters[i].id);
        fmt_char(w, '}');
    }
    fmt_str(w, "],");
}

void
quorum_state_print(struct writer *w, const struct election *e, int16_t kraft_version,
                   const struct raft_voter *voters, int32_t voters_n)
{
    fmt_char(w, '{');
    if (kraft_version < 1) fmt_str(w, "\"clusterId\":\"\",");
    print_election(w, e);
    if (kraft_version < 1) {
        print_voters(w, voters, voters_n);
    } else {
        fmt_str(w, "\"votedDirectoryId\":\"");
        fmt_uuid(w, e->voted.directory_id);
        fmt_str(w, "\",");
    }
    fmt_str(w, "\"data_version\":");
    fmt_i64(w, kraft_version < 1 ? 0 : 1);
    fmt_char(w, '}');
}

/* ---- reading ---- */

struct json {
    struct slice s;
    int64_t at;
    bool bad;
};

static void
json_skip_blanks(struct json *j)
{
    while (j->at < j->s.n && (j->s.p[j->at] == ' ' || (j->s.p[j->at] >= 9 && j->s.p[j->at] <= 13)))
        j->at++;
}

/* The next character that is not blank, 0 at the end. */
static uint8_t
json_peek(struct json *j)
{
    json_skip_blanks(j);
    return j->at < j->s.n ? j->s.p[j->at] : 0;
}

static bool
eat(struct json *j, uint8_t c)
{
    if (json_peek(j) != c) return false;
    j->at++;
    return true;
}

static void
want(struct json *j, uint8_t c)
{
    if (!eat(j, c)) j->bad = true;
}

/* What stands between the quotes, undecoded: none of our names and values needs an escape. */
static struct slice
string(struct json *j)
{
    want(j, '"');
    int64_t from = j->at;
    while (j->at < j->s.n && j->s.p[j->at] != '"') j->at += j->s.p[j->at] == '\\' ? 2 : 1;
    if (j->at >= j->s.n) j->bad = true;
    if (j->bad) return SLICE_EMPTY;
    return slice(j->s.p + from, j->at++ - from);
}

/* A number, true, false or null. */
static struct slice
word(struct json *j)
{
    json_skip_blanks(j);
    int64_t from = j->at;
    while (j->at < j->s.n) {
        uint8_t c = j->s.p[j->at];
        bool is_part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
                       c == '.' || c == 'E';
        if (!is_part) break;
        j->at++;
    }
    if (j->at == from) j->bad = true;
    return slice(j->s.p + from, j->at - from);
}

static void skip_value(struct json *j, int depth);

static void
skip_items(struct json *j, int depth, uint8_t end)
{
    if (eat(j, end)) return;
    do {
        if (end == '}') {
            (void)string(j);
            want(j, ':');
        }
        skip_value(j, depth + 1);
    } while (!j->bad && eat(j, ','));
    want(j, end);
}

static void
skip_value(struct json *j, int depth)
{
    if (depth > DEPTH_MAX) j->bad = true;
    if (j->bad) return;
    if (json_peek(j) == '"') (void)string(j);
    else if (eat(j, '{')) skip_items(j, depth, '}');
    else if (eat(j, '[')) skip_items(j, depth, ']');
    else (void)word(j);
}

static int32_t
json_number(struct json *j, int64_t least, int64_t most)
{
    int64_t v = 0;
    if (!slice_to_i64(word(j), &v) || v < least || v > most) j->bad = true;
    return j->bad ? 0 : (int32_t)v;
}

static void
member(struct json *j, struct election *e, int32_t *version)
{
    struct slice name = string(j);
    want(j, ':');
    if (j->bad) return;
    if (slice_eq(name, S("leaderId"))) e->leader_id = json_number(j, -1, INT32_MAX);
    else if (slice_eq(name, S("leaderEpoch"))) e->epoch = json_number(j, 0, INT32_MAX);
    else if (slice_eq(name, S("votedId"))) e->voted.id = json_number(j, -1, INT32_MAX);
    else if (slice_eq(name, S("data_version"))) *version = json_number(j, 0, 1);
    else if (slice_eq(name, S("votedDirectoryId")))
        j->bad |= !uuid_parse(string(j), &e->voted.directory_id);
    else skip_value(j, 0);
}

bool
quorum_state_parse(struct slice text, struct election *ret)
{
    struct json j = {text, 0, false};
    struct election e = election_none();
    int32_t version = -1;
    e.epoch = -1;
    want(&j, '{');
    do {
        member(&j, &e, &version);
    } while (!j.bad && eat(&j, ','));
    want(&j, '}');
    if (json_peek(&j) != 0 || j.at < j.s.n) j.bad = true;
    if (j.bad || version < 0 || e.epoch < 0) return false;
    *ret = e;
    return true;
}
