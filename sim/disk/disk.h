/* The disk of a simulated host, in two images: what the kernel shows (the page cache) and what the
 * medium holds. Files are arrays of 4 KiB pages, each with a cached and a durable version that are
 * one and the same while the page is clean. Directories are two tables of names, and a list of name
 * operations that are done in the cache but not yet on the medium.
 *
 *     write   → cached pages, dirty               sync      → the dirty pages of its beginning become durable
 *     create, rename, unlink → cached names, pending   sync of a directory → its pending operations too
 *     process crash: nothing is lost but what was in flight      power loss: power.c */
#ifndef SIM_DISK_DISK_H
#define SIM_DISK_DISK_H

#include "broker/env/env.h"

struct world;
struct mach;
struct disk;
struct inode;

struct disk *disk_new(struct world *w, struct slice host);
/* Queues an operation of a machine. */
void disk_start(struct mach *m, struct op *op);
/* The machine ends: what is in flight takes effect in part. */
void disk_forget(struct mach *m, bool power);
void disk_power_loss(struct disk *d);
void disk_wipe(struct disk *d);

/* What the network sends: a range of a file that stays alive. */
struct inode *disk_pin(struct file *f);
void disk_unpin(struct inode *i);
/* Fewer bytes than asked for: the file is too short; -1: the device failed. */
int64_t disk_read_pinned(struct inode *i, int64_t offset, uint8_t *ret, int64_t n);

#endif
