/* A request that waits for a coordinator. */
#ifndef API_WAITING_CALL_H
#define API_WAITING_CALL_H

#include "broker/api/request.h"
#include "broker/coordinator/coordinator.h"

/* Its done() answers with the response as it is; others may take its place. */
struct coordinator_call *waiting_call_new(struct request *r);
/* The request that the call was made for. */
struct request *request_of_call(struct coordinator_call *c);

#endif
