#include "broker/security/sasl_settings.h"

bool
sasl_settings_enable(const struct sasl_settings *s, enum sasl_mechanism m)
{
    for (int32_t i = 0; i < s->enabled_n; i++)
        if (s->enabled[i] == m) return true;
    return false;
}
