#include "broker/share/delivery_after.h"

enum delivery_state
delivery_after(enum ack_type type, int16_t count, const struct delivery_rule *rule)
{
    enum delivery_state unwanted = rule->has_dead_letters ? DELIVERY_ARCHIVING : DELIVERY_ARCHIVED;
    switch (type) {
    case ACK_ACCEPT: return DELIVERY_ACKNOWLEDGED;
    case ACK_RELEASE: return count >= rule->count_max ? unwanted : DELIVERY_AVAILABLE;
    case ACK_RENEW: return DELIVERY_ACQUIRED;
    case ACK_REJECT: return unwanted;
    case ACK_GAP: break; /* there is no record */
    }
    return DELIVERY_ARCHIVED;
}
