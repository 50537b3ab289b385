#include "sim/play/http.h"

#include "broker/base/fmt.h"

/* ---- of what is sent ---- */

/* RFC 9110, 5.6.2 */
static bool
is_token_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i])) return false;
    return s.n > 0;
}

/* Of a target and of a header's value. */
static bool
is_plain(struct slice s, bool blanks)
{
    for (int64_t i = 0; i < s.n; i++)
        if ((s.p[i] <= ' ' && !(blanks && (s.p[i] == ' ' || s.p[i] == '\t'))) || s.p[i] >= 0x7f)
            return false;
    return true;
}

struct parse {
    struct http_request *ret;
    int64_t length; /* of the body; -1: not said */
    int status;
    const char *wrong;
};

static bool
parse_refuse(struct parse *p, int status, const char *wrong)
{
    p->status = status;
    p->wrong = wrong;
    return false;
}

static bool
take_request_line(struct parse *p, struct slice line)
{
    int64_t first = slice_find(line, ' ', 0);
    int64_t second = first < 0 ? -1 : slice_find(line, ' ', first + 1);
    if (second < 0) return parse_refuse(p, 400, "the first line is not METHOD TARGET HTTP/1.1");
    struct slice target = slice_sub(line, first + 1, second - first - 1);
    struct slice version = slice_sub(line, second + 1, line.n);
    p->ret->method = slice_sub(line, 0, first);
    if (!is_token(p->ret->method) || !is_plain(target, false) || target.n == 0)
        return parse_refuse(p, 400, "the first line is not METHOD TARGET HTTP/1.1");
    if (!slice_eq(version, S("HTTP/1.1")) && !slice_eq(version, S("HTTP/1.0"))) {
        if (slice_starts(version, S("HTTP/")) && is_plain(version, false))
            return parse_refuse(p, 505, "HTTP/1.1 is spoken here");
        return parse_refuse(p, 400, "the first line is not METHOD TARGET HTTP/1.1");
    }
    if (target.p[0] != '/') return parse_refuse(p, 400, "a target begins with /");
    int64_t mark = slice_find(target, '?', 0);
    p->ret->path = mark < 0 ? target : slice_sub(target, 0, mark);
    p->ret->query = mark < 0 ? SLICE_EMPTY : slice_sub(target, mark + 1, target.n);
    p->ret->keeps = slice_eq(version, S("HTTP/1.1"));
    return true;
}

static bool
take_length(struct parse *p, struct slice value)
{
    if (p->length >= 0) return parse_refuse(p, 400, "Content-Length twice");
    for (int64_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9')
            return parse_refuse(p, 400, "Content-Length: no number");
    if (!value.n) return parse_refuse(p, 400, "Content-Length: no number");
    if (!slice_to_i64(value, &p->length) || p->length > HTTP_BODY_MAX_BYTES)
        return parse_refuse(p, 413, "a body has at most 65536 bytes");
    return true;
}

static bool
take_header(struct parse *p, struct slice line)
{
    int64_t colon = slice_find(line, ':', 0);
    if (colon <= 0) return parse_refuse(p, 400, "a header is not NAME: VALUE");
    struct slice name = slice_sub(line, 0, colon);
    struct slice value = slice_trim(slice_sub(line, colon + 1, line.n));
    if (!is_token(name)) return parse_refuse(p, 400, "a header is not NAME: VALUE");
    for (int64_t i = 0; i < value.n; i++)
        if ((value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 0x7f)
            return parse_refuse(p, 400, "a header has a control character");
    if (slice_eq_any_case(name, S("content-length"))) return take_length(p, value);
    if (slice_eq_any_case(name, S("transfer-encoding")))
        return parse_refuse(p, 501, "send the body with Content-Length, not in chunks");
    if (slice_eq_any_case(name, S("connection")) && slice_eq_any_case(value, S("close")))
        p->ret->keeps = false;
    struct slice *once = slice_eq_any_case(name, S("host"))   ? &p->ret->host
                       : slice_eq_any_case(name, S("origin")) ? &p->ret->origin
                                                              : NULL;
    if (!once) return true;
    if (once->p) return parse_refuse(p, 400, "Host or Origin twice");
    *once = value;
    return true;
}

/* From `from` to the next CRLF, which is left out; *ret_next stands behind it. -1 in *ret_next: there is none yet. */
static struct slice
next_line(struct slice s, int64_t from, int64_t *ret_next)
{
    int64_t feed = slice_find(s, '\n', from);
    *ret_next = feed < 0 ? -1 : feed + 1;
    return slice_sub(s, from, (feed < 0 ? s.n : feed) - from);
}

static bool
take_line(struct parse *p, struct slice line, int64_t at)
{
    if (line.n == 0 || line.p[line.n - 1] != '\r')
        return parse_refuse(p, 400, "a line ends with CR LF, not with LF alone");
    line.n--;
    return at == 0 ? take_request_line(p, line) : take_header(p, line);
}

enum http_need
http_parse(struct slice bytes, struct http_request *ret, int *ret_status, const char **ret_wrong)
{
    struct parse p = {.ret = ret, .length = -1};
    int64_t at = 0, next;
    *ret = (struct http_request){.host = SLICE_NULL, .origin = SLICE_NULL};
    for (int32_t lines = 0;; lines++, at = next) {
        struct slice line = next_line(bytes, at, &next);
        bool is_too_long = (next < 0 ? bytes.n : next) > HTTP_HEAD_MAX_BYTES;
        if (is_too_long || lines > HTTP_HEADERS_MAX) {
            parse_refuse(&p, 431, "a head has at most 8192 bytes and 64 headers");
            break;
        }
        if (next < 0) return HTTP_MORE;
        if (at > 0 && slice_eq(line, S("\r"))) break;
        if (!take_line(&p, line, at)) break;
    }
    if (p.wrong) {
        *ret_status = p.status;
        *ret_wrong = p.wrong;
        return HTTP_WRONG;
    }
    int64_t length = p.length < 0 ? 0 : p.length;
    ret->n_bytes = next + length;
    if (bytes.n < ret->n_bytes) return HTTP_MORE;
    ret->body = slice_sub(bytes, next, length);
    return HTTP_WHOLE;
}

/* ---- names in a target ---- */

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct slice
http_decode(struct arena *a, struct slice s, bool is_query)
{
    uint8_t *to = arena_alloc(a, s.n + 1);
    int64_t n = 0;
    for (int64_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '+' && is_query) c = ' ';
        if (c == '%') {
            bool is_whole = s.n - i > 2;
            int high = is_whole ? hex_value(s.p[i + 1]) : -1;
            int low = is_whole ? hex_value(s.p[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) return SLICE_NULL;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        to[n++] = c;
    }
    return slice(to, n);
}

struct slice
http_query(struct arena *a, struct slice query, struct slice name)
{
    for (int64_t at = 0; at < query.n;) {
        int64_t end = slice_find(query, '&', at);
        if (end < 0) end = query.n;
        struct slice one = slice_sub(query, at, end - at);
        int64_t equals = slice_find(one, '=', 0);
        struct slice key = equals < 0 ? one : slice_sub(one, 0, equals);
        if (slice_eq(key, name))
            return http_decode(a, equals < 0 ? SLICE_EMPTY : slice_sub(one, equals + 1, one.n),
                               true);
        at = end + 1;
    }
    return SLICE_NULL;
}

/* ---- answers ---- */

const char *
http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
    }
}

/* What a page from here may do is said once, for all answers: nothing but to talk to where it came from. */
static const char same_for_all[] =
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri "
    "'none'; "
    "form-action 'none'\r\n";

void
http_answer(struct writer *w, int status, const char *type, const char *extra, struct slice body,
            bool keeps)
{
    fmt_str(w, "HTTP/1.1 ");
    fmt_i64(w, status);
    fmt_char(w, ' ');
    fmt_str(w, http_reason(status));
    fmt_str(w, "\r\nContent-Type: ");
    fmt_str(w, type);
    fmt_str(w, "\r\nContent-Length: ");
    fmt_i64(w, body.n);
    fmt_str(w, keeps ? "\r\n" : "\r\nConnection: close\r\n");
    fmt_str(w, same_for_all);
    if (extra) fmt_str(w, extra);
    fmt_str(w, "\r\n");
    writer_bytes(w, body);
}
