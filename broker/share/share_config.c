#include "broker/share/share_config.h"

#include "broker/base/check.h"
#include "broker/coordinator/group_setting.h"

int64_t
share_lock_ms(const struct share_config *c)
{
    return group_setting_i64(c->c, c->group, K_GCFG_SHARE_RECORD_LOCK_DURATION_MS);
}

int64_t
share_in_flight_max(const struct share_config *c)
{
    return group_setting_i64(c->c, c->group, K_GCFG_SHARE_PARTITION_MAX_RECORD_LOCKS);
}

int16_t
share_deliveries_max(const struct share_config *c)
{
    int64_t n = group_setting_i64(c->c, c->group, K_GCFG_SHARE_DELIVERY_COUNT_LIMIT);
    return (int16_t)MIN(n, INT16_MAX);
}

bool
share_reads_committed(const struct share_config *c)
{
    return slice_eq(group_setting_text(c->c, c->group, K_GCFG_SHARE_ISOLATION_LEVEL),
                    S("read_committed"));
}

bool
share_may_renew(const struct share_config *c)
{
    return group_setting_bool(c->c, c->group, K_GCFG_SHARE_RENEW_ACKNOWLEDGE_ENABLE);
}

#define BY_DURATION "by_duration:"

enum share_reset
share_reset_of(const struct share_config *c, int64_t *ret_ms)
{
    struct slice v = group_setting_text(c->c, c->group, K_GCFG_SHARE_AUTO_OFFSET_RESET);
    int64_t n = (int64_t)sizeof BY_DURATION - 1;
    *ret_ms = 0;
    if (slice_eq(v, S("earliest"))) return SHARE_RESET_EARLIEST;
    if (v.n > n && slice_eq(slice_sub(v, 0, n), S(BY_DURATION)) &&
        share_duration_parse(slice_sub(v, n, v.n), ret_ms))
        return SHARE_RESET_BY_DURATION;
    return SHARE_RESET_LATEST;
}

/* ---- durations ---- */

/* Milliseconds of a unit, 0: there is none of that name here. They come in the order of their places. */
static int64_t
duration_unit_ms(uint8_t unit, bool is_time, int *ret_place)
{
    switch (unit) {
    case 'D': *ret_place = 1; return is_time ? 0 : 24 * 3600 * 1000LL;
    case 'H': *ret_place = 2; return is_time ? 3600 * 1000LL : 0;
    case 'M': *ret_place = 3; return is_time ? 60 * 1000LL : 0;
    case 'S': *ret_place = 4; return is_time ? 1000 : 0;
    default: *ret_place = 0; return 0;
    }
}

bool
share_duration_parse(struct slice text, int64_t *ret_ms)
{
    int64_t sum = 0, i = 1;
    bool is_time = false;
    int last = 0;
    if (text.n < 3 || (text.p[0] != 'P' && text.p[0] != 'p')) return false;
    while (i < text.n) {
        int64_t number = 0, digits = 0, thousandths = 0;
        int place;
        if (text.p[i] == 'T' || text.p[i] == 't') {
            if (is_time || ++i >= text.n) return false;
            is_time = true;
        }
        for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++, digits++)
            if (digits < 10) number = 10 * number + (text.p[i] - '0');
        bool has_fraction = i < text.n && text.p[i] == '.';
        if (has_fraction)
            for (int64_t worth = (i++, 100); i < text.n && text.p[i] >= '0' && text.p[i] <= '9';
                 i++, worth /= 10)
                thousandths += worth * (text.p[i] - '0');
        if (digits == 0 || digits > 10 || i >= text.n) return false;
        uint8_t unit = text.p[i] >= 'a' ? (uint8_t)(text.p[i] - 32) : text.p[i];
        int64_t ms = duration_unit_ms(unit, is_time, &place);
        if (ms == 0 || place <= last || (has_fraction && unit != 'S')) return false;
        if (number > INT64_MAX / 4 / ms) return false;
        sum += number * ms + thousandths;
        last = place;
        i++;
    }
    *ret_ms = sum;
    return last > 0;
}
