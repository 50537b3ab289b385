/* Open files. A slot outlives its struct file: ranges that are being sent and jobs in flight hold
 * references, and the descriptor is closed (by a thread) with the last one. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include "broker/os/machine.h"

struct os_file {
    struct list node; /* among the machine's */
    struct os_machine *m;
    int fd;
    int32_t refs;
    bool poisoned;
    struct os_inode inode;
};

/* One reference. Takes the descriptor. */
struct os_file *os_file_new(struct os_machine *m, int fd, const struct os_inode *inode);
struct os_file *os_file_ref(struct os_file *f);
void os_file_unref(struct os_file *f);
/* From now on all writes and syncs of this inode fail. */
void os_file_poison(struct os_file *f);

/* Carries out an operation: at once if it cannot wait, else in a thread. */
void os_disk_start(struct os_machine *m, struct op *op);
/* Delivers what was done at once. */
void os_disk_deliver_done(struct os_loop *l);
/* Forgets the machine's operations that were done at once, and gives up its locks. */
void os_disk_drop(struct os_machine *m);

/* Whether the range's bytes are in memory, so that reading them does not wait for a disk. */
bool os_file_is_resident(int fd, int64_t offset, int64_t n);
/* Reads the range so that it becomes resident. For threads. */
void os_file_prefetch(int fd, int64_t offset, int64_t n);

#endif
