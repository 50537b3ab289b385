#include "broker/log/found_names.h"

bool
found_names_are_durable(bool ended_in_order)
{
    return ended_in_order;
}
