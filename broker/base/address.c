#include "broker/base/address.h"

#define PORT_MAX 65535

static bool
port_parse(struct slice text, int32_t *ret_port)
{
    int32_t port = 0;
    for (int64_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') return false;
        port = port * 10 + (text.p[i] - '0');
        if (port > PORT_MAX) return false;
    }
    *ret_port = port;
    return text.n > 0;
}

/* Names, and addresses with their zones ("fe80::1%eth0"). */
static bool
is_host(struct slice text)
{
    for (int64_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i], lower = c | 0x20;
        bool ok = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '-' || c == '_' || c == ':' || c == '%';
        if (!ok) return false;
    }
    return true;
}

bool
address_parse(struct slice text, struct slice *ret_host, int32_t *ret_port)
{
    int64_t colon = text.n - 1;
    while (colon >= 0 && text.p[colon] != ':') colon--;
    if (colon < 0) return false;
    struct slice host = slice_sub(text, 0, colon);
    if (slice_starts(host, S("[")) && slice_ends(host, S("]")) && host.n > 2)
        host = slice_sub(host, 1, host.n - 2);
    int32_t port;
    if (!is_host(host) || !port_parse(slice_sub(text, colon + 1, text.n), &port)) return false;
    *ret_host = host;
    *ret_port = port;
    return true;
}

void
fmt_address(struct writer *w, struct slice host, int32_t port)
{
    bool is_v6 = slice_find(host, ':', 0) >= 0;
    if (is_v6) fmt_char(w, '[');
    fmt_slice(w, host);
    if (is_v6) fmt_char(w, ']');
    fmt_char(w, ':');
    fmt_i64(w, port);
}
