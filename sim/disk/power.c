/* Making a disk, losing power, wiping. After a power loss there is what was synced, and of the rest a
 * part that is drawn: nothing, all, a beginning, or any part page by page, some pages torn between
 * their sectors. All files of one disk share the manner in one loss, so that the simple outcomes come
 * often enough. */
#include "broker/base/check.h"
#include "sim/disk/internal.h"

struct disk *
disk_new(struct world *w, struct slice host)
{
    struct disk *d = MEM_NEW(&w->mem, struct disk);
    d->w = w;
    d->mem = &w->mem;
    d->dice = world_dice(w, S("disk"), host);
    d->power_dice = world_dice(w, S("power"), host);
    d->faults.slow_percent = d->faults.slow_sync_percent = 100;
    d->faults.capacity_bytes = w->options.disk.capacity_bytes;
    list_init(&d->name_ops);
    list_init(&d->all);
    d->root = inode_new(d, true);
    return d;
}

static enum keep
draw_keep(struct dice *dice)
{
    switch (dice_below(dice, 8)) {
    case 0: return KEEP_NONE;
    case 1: return KEEP_ALL;
    case 2:
    case 3: return KEEP_PREFIX;
    default: return KEEP_ANY;
    }
}

void
disk_power_loss(struct disk *d)
{
    enum keep keep = draw_keep(&d->power_dice);
    names_power_loss(d, &d->power_dice);
    LIST_EACH(&d->all, i, struct inode, all) {
        i->is_poisoned = false; /* the kernel that knew of a failed sync is gone */
        if (!i->is_dir) inode_power_loss(i, &d->power_dice, keep);
    }
    dirs_power_loss(d);
}

void
disk_wipe(struct disk *d)
{
    name_ops_drop(d);
    dir_clear(d->root, IMAGE_CACHED);
    dir_clear(d->root, IMAGE_DURABLE);
}
