#include "broker/base/crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#endif

/* Nibble tables of the reflected polynomial 0x82F63B78: T[j][i] is the CRC of nibble i followed by j
 * zero nibbles. Two look-ups a byte: small enough to check by eye, fast enough as a fallback. */
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t
portable(uint32_t c, struct slice b)
{
    for (int64_t i = 0; i < b.n; i++) {
        c ^= b.p[i];
        c = c >> 4 ^ nibble[c & 15];
        c = c >> 4 ^ nibble[c & 15];
    }
    return c;
}

#if defined(__x86_64__)
/* Bytes of a lane. */
#define LANE 1024

/* The product of two polynomials modulo P, bits reflected. */
static uint32_t
gf_mul(uint32_t a, uint32_t b)
{
    uint32_t r = 0;
    for (uint32_t m = 0x80000000; m; m >>= 1) {
        if (a & m) r ^= b;
        b = b & 1 ? b >> 1 ^ 0x82f63b78 : b >> 1;
    }
    return r;
}

/* x^(8 * LANE) and x^(16 * LANE) modulo the polynomial. */
#define SHIFT1 0xe4172b16u
#define SHIFT2 0x0d65762au

__attribute__((target("sse4.2"))) static uint32_t
hardware(uint32_t c, struct slice b)
{
    const uint8_t *p = b.p;
    int64_t n = b.n;
    uint64_t w;
    while (n >= 3 * LANE) {
        /* Three independent lanes hide the instruction's latency of three cycles. */
        uint64_t c0 = c, c1 = 0, c2 = 0;
        for (int64_t i = 0; i < LANE; i += 8) {
            memcpy(&w, p + i, 8), c0 = _mm_crc32_u64(c0, w);
            memcpy(&w, p + i + LANE, 8), c1 = _mm_crc32_u64(c1, w);
            memcpy(&w, p + i + 2 * LANE, 8), c2 = _mm_crc32_u64(c2, w);
        }
        c = gf_mul((uint32_t)c0, SHIFT2) ^ gf_mul((uint32_t)c1, SHIFT1) ^ (uint32_t)c2;
        p += 3 * LANE;
        n -= 3 * LANE;
    }
    uint64_t c0 = c;
    for (; n >= 8; n -= 8, p += 8) memcpy(&w, p, 8), c0 = _mm_crc32_u64(c0, w);
    for (; n > 0; n--, p++) c0 = _mm_crc32_u8((uint32_t)c0, *p);
    return (uint32_t)c0;
}
#elif defined(__aarch64__) && defined(__linux__)
__attribute__((target("+crc"))) static uint32_t
hardware(uint32_t c, struct slice b)
{
    const uint8_t *p = b.p;
    int64_t n = b.n;
    uint64_t w;
    for (; n >= 8; n -= 8, p += 8) memcpy(&w, p, 8), c = __crc32cd(c, w);
    for (; n > 0; n--, p++) c = __crc32cb(c, *p);
    return c;
}
#else
static uint32_t
hardware(uint32_t c, struct slice b)
{
    return portable(c, b);
}
#endif

uint32_t
crc32c(enum crc32c_impl impl, uint32_t crc, struct slice b)
{
    return ~(impl == CRC32C_HARDWARE ? hardware(~crc, b) : portable(~crc, b));
}
