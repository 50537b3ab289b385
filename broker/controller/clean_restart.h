/* Does a broker come back with all that it had when it went? (KIP-966)
 *
 * At an orderly end a broker closes its logs and then writes its broker epoch into the marker of a clean
 * shutdown. The marker goes before the first log is opened again (node/clean_marker.c). Hence who shows an
 * epoch has not touched its logs since the orderly end under that epoch: everything is on the disk. Who
 * shows none may have lost what it acknowledged, and leaves the ELR.
 *
 * The epoch that is shown must be one that the cluster knows: a directory from an old backup would show one,
 * too. Kafka takes the epoch of the registration before only. That forgets a clean end when a broker
 * registers and is stopped before it has opened a log, which does happen: the registration may even be
 * committed after the process has gone. Such a registration was never unfenced, so it was in no ISR, led
 * nothing and acknowledged nothing. So the last epoch under which the broker was unfenced is as good:
 *
 *     epoch 7 unfenced ─ clean end, shows 7 ─ epoch 12 registered, stopped at once ─ shows 7: clean
 *     epoch 7 unfenced ─ clean end, shows 7 ─ epoch 12 unfenced ─ killed ─ a backup that shows 7: not clean
 *     epoch 7 unfenced ─ clean end, shows 7 ─ epoch 12 registered, logs open, killed ─ shows -1: not clean
 *
 * (A metadata snapshot tells the last registration only: after one, only the last epoch counts.) */
#ifndef CONTROLLER_CLEAN_RESTART_H
#define CONTROLLER_CLEAN_RESTART_H

#include "broker/metadata/image.h"

/* was: the registration so far, or NULL. */
bool restart_is_clean(const struct image_broker *was, int64_t previous_broker_epoch);

#endif
