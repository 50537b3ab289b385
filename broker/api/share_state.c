/* The share coordinator's APIs, which brokers ask. */
#include "broker/api/handlers.h"
#include "broker/api/waiting_call.h"
#include "broker/share/shares.h"

void
handle_initialize_share_group_state(struct server *s, struct request *r)
{
    shares_initialize(s->shares, r->message, waiting_call_new(r));
}

void
handle_read_share_group_state(struct server *s, struct request *r)
{
    shares_read(s->shares, r->message, waiting_call_new(r));
}

void
handle_write_share_group_state(struct server *s, struct request *r)
{
    shares_write(s->shares, r->message, waiting_call_new(r));
}

void
handle_delete_share_group_state(struct server *s, struct request *r)
{
    shares_delete(s->shares, r->message, waiting_call_new(r));
}

void
handle_read_share_group_state_summary(struct server *s, struct request *r)
{
    shares_read_summary(s->shares, r->message, waiting_call_new(r));
}
