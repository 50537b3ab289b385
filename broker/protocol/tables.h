/* The generated tables besides the messages: error codes (errors.h), request kinds (apis.h),
 * configurations (configs.h) and features (features.h). Texts are offsets into k_texts, so that the
 * tables need no relocation. */
#ifndef PROTOCOL_TABLES_H
#define PROTOCOL_TABLES_H

#include "broker/base/slice.h"

#define K_NO_TEXT UINT32_MAX

extern const char k_texts[];

/* null for K_NO_TEXT. */
static inline struct slice
k_text(uint32_t at)
{
    return at == K_NO_TEXT ? SLICE_NULL : slice_cstr(k_texts + at);
}

struct k_error {
    uint32_t name;
    int16_t code;
    bool retriable;        /* a client may try again */
    bool invalid_metadata; /* and refreshes its metadata first */
};

enum { K_LISTENER_BROKER = 1, K_LISTENER_CONTROLLER = 2 };

/* Indexed by the api's key. A removed one has request -1. */
struct k_api {
    uint32_t name;
    int16_t request, response; /* enum k_msg */
    int8_t min, max;
    int8_t max_stable; /* the last that is advertised */
    int8_t flexible;   /* the first version with compact encoding; 127: none */
    uint8_t listeners;
    bool forwardable;    /* a broker passes it on to the controller */
    bool cluster_action; /* only between nodes */
};

enum k_config_type {
    K_CT_BOOLEAN,
    K_CT_SHORT,
    K_CT_INT,
    K_CT_LONG,
    K_CT_DOUBLE, /* in millionths */
    K_CT_STRING,
    K_CT_LIST,
    K_CT_CLASS,
    K_CT_PASSWORD,
};

enum {
    K_CF_REQUIRED = 1,
    K_CF_INTERNAL = 2,
    K_CF_ANY_CASE = 4, /* of what is allowed */
    K_CF_NON_EMPTY = 8,
    K_CF_OR_MINUS_1 = 16,   /* besides the range */
    K_CF_PER_BROKER = 32,   /* may change at run time, for one broker … */
    K_CF_CLUSTER_WIDE = 64, /* … or for all */
    K_CF_AT_START = 128,    /* Kafka also changes it at run time; here it holds from the start on */
    K_CF_REPLICAS = 256,    /* a list of partition:broker, or * */
    K_CF_OR_DURATION = 512, /* besides what is allowed: "by_duration:PT1H" */
};

/* What this program makes of a configuration: see schema/config_states.yaml. */
enum k_config_state { K_CS_HEEDED, K_CS_HARMLESS, K_CS_WARNED, K_CS_REFUSED };

struct k_config {
    uint32_t name;
    uint32_t value;   /* the default */
    uint32_t allowed; /* "a,b,c" for strings and lists */
    uint8_t type;
    uint16_t flags;
    int64_t min, max;
    int16_t synonyms[3]; /* of topics and groups: the broker's, first that is set; -1 none */
    uint8_t state;       /* enum k_config_state */
    uint32_t why;        /* of all states but heeded */
};

struct k_feature {
    uint32_t name;
    int16_t min, latest; /* that may be used in production */
};

/* What each metadata.version allows. */
struct k_metadata_version {
    uint32_t name, release;
    int16_t level;
    int8_t fetch_version, list_offsets_version, register_broker_record, register_controller_record,
        partition_record, partition_change_record;
    bool production, elr, metadata_txn, directory_assignment, controller_registration,
        leader_epoch_bump_on_isr_shrink;
};

/* "NOT_LEADER_OR_FOLLOWER"; "UNKNOWN_SERVER_ERROR" for a code that is not known. */
struct slice k_err_name(int16_t code);
bool k_err_is_retriable(int16_t code);
bool k_err_is_stale_metadata(int16_t code);
/* NULL for a key that is not known or was removed. */
const struct k_api *k_api_of(int16_t key);
/* "Fetch"; "api 99" is the caller's business: null when not known. */
struct slice k_api_name(int16_t key);
static inline bool
k_api_has_version(const struct k_api *a, int16_t version)
{
    return version >= a->min && version <= a->max;
}

#endif
