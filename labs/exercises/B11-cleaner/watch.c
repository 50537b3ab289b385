/* record_retention() in a run: the student's decision is taken, and compared with the reference's. */
#include "broker/log/record_retention.h"
#include "labs/exercises/judge.h"

__typeof__(record_retention) student_record_retention, reference_record_retention;

bool
record_retention(const struct record_retention_facts *f)
{
    bool yours = student_record_retention(f);
    if (yours != reference_record_retention(f))
        watch_differs("the %s%s at offset %lld %s, and should %s (the map reaches to %lld, the "
                      "key's last offset is %lld, the horizon is %lld)",
                      f->is_tombstone ? "tombstone" : "record", f->has_key ? "" : " without a key",
                      (long long)f->offset, yours ? "stays" : "goes", yours ? "go" : "stay",
                      (long long)f->map_latest, (long long)f->key_latest, (long long)f->horizon_ms);
    return yours;
}
