/* CHECK: what must hold whatever the input is. It is on in every build: a failed CHECK is a bug of
 * ours, never of a peer, a disk or a user. The body that runs the machine supplies panic(), which
 * saves trace and report and does not return. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* Cold: what leads there lies away from the code that runs, which so takes fewer lines of the processor's cache. */
__attribute__((cold)) _Noreturn void panic(const char *file, int line, const char *what);

#define CHECK(cond) ((cond) ? (void)0 : panic(__FILE__, __LINE__, #cond))
#define UNREACHABLE() panic(__FILE__, __LINE__, "unreachable")

#define ARRAY_LEN(a) ((int64_t)(sizeof(a) / sizeof((a)[0])))
/* Through an integer, so that it serves pointers to const as well: name a const type then. */
#define CONTAINER_OF(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
