#include "broker/security/secret.h"

bool
secret_eq(struct slice given, struct slice secret)
{
    /* volatile: the compiler must not find out that the end of the loop could come earlier. */
    volatile uint8_t differs = given.n != secret.n;
    for (int64_t i = 0; i < given.n; i++)
        differs |= (uint8_t)(given.p[i] ^ (secret.n ? secret.p[i % secret.n] : 0));
    return !differs;
}

/* volatile: writing into memory that is given back could be left out. */
void
secret_forget(struct slice secret)
{
    volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)secret.p;
    for (int64_t i = 0; i < secret.n; i++) p[i] = 0;
}
