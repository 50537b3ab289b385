/* Requests of HTTP/1.1 (RFC 9112) as bytes, and answers to them. Pure: no socket, no memory of its own.
 *
 * By hand, because so little of HTTP is needed: methods, a path, a query, five headers and a body of known length. Of the
 * libraries in Debian 12, libmicrohttpd brings a loop, threads and TLS of its own beside a loop that must decide when the
 * world's time goes on; http-parser is not kept any more; llhttp is not there. What is not understood is refused, and
 * nothing is guessed: no bare line feeds, no folded lines, no header twice that must be there once, no chunks. */
#ifndef SIM_PLAY_HTTP_H
#define SIM_PLAY_HTTP_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

enum {
    HTTP_HEAD_MAX_BYTES = 8192, /* request line and headers */
    HTTP_BODY_MAX_BYTES = 65536,
    HTTP_HEADERS_MAX = 64,
};

/* Slices lie in the bytes that were parsed. */
struct http_request {
    struct slice method, path,
        query;                 /* as sent, %XX and all; query without its "?", empty if none */
    struct slice host, origin; /* null: not said */
    struct slice body;
    bool keeps;      /* the connection is for more requests */
    int64_t n_bytes; /* of all of it */
};

enum http_need { HTTP_MORE, HTTP_WHOLE, HTTP_WRONG };

/* What begins these bytes: a whole request; the beginning of one; or none, and what to answer: *ret_status with a
 * sentence. */
enum http_need http_parse(struct slice bytes, struct http_request *ret, int *ret_status,
                          const char **ret_wrong);

/* "a%20b" is "a b"; in a query "+" is a blank, too. Null: it is not encoded right, or names a NUL. */
struct slice http_decode(struct arena *a, struct slice s, bool is_query);
/* The value of ?name=…, decoded; null: there is none, or it is malformed. */
struct slice http_query(struct arena *a, struct slice query, struct slice name);

/* An answer with its head. type: "application/json" … extra: further headers, each with its end of line, or NULL. */
void http_answer(struct writer *w, int status, const char *type, const char *extra,
                 struct slice body, bool keeps);
const char *http_reason(int status);

#endif
