/* Share sessions (KIP-932): whether a member's request may go on in its session. A session begins with epoch 0, each
 * request counts it up, and -1 ends it; so one that was lost, doubled or overtaken is noticed. */
#ifndef API_SHARE_SESSION_RULE_H
#define API_SHARE_SESSION_RULE_H

#include <stdint.h>

#define SHARE_SESSION_BEGINS 0
#define SHARE_SESSION_ENDS (-1)

/* 0, SHARE_SESSION_NOT_FOUND or INVALID_SHARE_SESSION_EPOCH. known: the epoch that comes next in the session; -1: there
 * is none. */
int16_t share_session_check(int32_t known, int32_t epoch);
/* After the last one comes 1: 0 begins a session. */
int32_t share_session_next_epoch(int32_t epoch);

#endif
