/* Configurations as Kafka has them: names, types, defaults and ranges come from the generated
 * tables; values come as text (a properties file, an override, a record of the metadata log).
 *
 *      struct config c;
 *      config_init(&c, mem, CONFIG_BROKER);
 *      config_set(&c, K_CFG_NUM_PARTITIONS, S("3"), &why);
 *      config_i64(&c, K_CFG_NUM_PARTITIONS)
 *
 * Ids are K_CFG_… for brokers, K_TCFG_… for topics, K_GCFG_… for groups, K_MCFG_… for metrics of clients. */
#ifndef PROTOCOL_CONFIG_H
#define PROTOCOL_CONFIG_H

#include "broker/base/bytes.h"
#include "broker/protocol/properties.h"
#include "broker/protocol/tables.h"

#include "configs.h"

enum config_scope { CONFIG_BROKER, CONFIG_TOPIC, CONFIG_GROUP, CONFIG_CLIENT_METRICS };

struct config_value {
    bool is_set;
    bool is_null;
    int64_t i64;       /* booleans, integers; doubles in millionths */
    struct slice text; /* as given; owned when set */
};

struct config {
    struct mem *mem;
    enum config_scope scope;
    const struct k_config *table;
    int32_t n;
    struct config_value *values;
};

/* Everything at its default. */
void config_init(struct config *c, struct mem *mem, enum config_scope scope);
void config_release(struct config *c);

/* The id of a name; -1 when there is none. */
int32_t config_id(enum config_scope scope, struct slice name);
struct slice config_name(const struct config *c, int32_t id);
/* Whether the text is a value of this configuration; if not, says why (ret_why may be NULL). */
bool config_check(enum config_scope scope, int32_t id, struct slice text, struct writer *ret_why);
/* As config_check; the value as a number: of a boolean 0 or 1, of a double millionths, else 0. */
bool config_parse(enum config_scope scope, int32_t id, struct slice text, int64_t *ret);
/* Whether a valid text says the same as the default; of a null default the empty text does. */
bool config_is_default(enum config_scope scope, int32_t id, struct slice text);
/* What this program makes of a valid value (schema/config_states.yaml): the default is always heeded. */
enum k_config_state config_state(enum config_scope scope, int32_t id, struct slice text);
/* Why it is harmless, warned of or refused; null: it is heeded. */
struct slice config_why(enum config_scope scope, int32_t id);
/* As config_check; the value is then as given. The text is copied. */
bool config_set(struct config *c, int32_t id, struct slice text, struct writer *ret_why);
/* Back to its default. */
void config_unset(struct config *c, int32_t id);
bool config_is_set(const struct config *c, int32_t id);

/* Null values (a default may be null): 0, false, the null slice, no items. */
bool config_is_null(const struct config *c, int32_t id);
int64_t config_i64(const struct config *c, int32_t id);
bool config_bool(const struct config *c, int32_t id);
struct slice config_str(const struct config *c, int32_t id);
/* Items of a list, trimmed: how many, and the i-th. */
int32_t config_list_n(const struct config *c, int32_t id);
struct slice config_list_at(const struct config *c, int32_t id, int32_t i);
/* The value as text, also of a default; null stays null. */
struct slice config_text(const struct config *c, int32_t id);

/* Sets all that the properties name. One line each goes to warnings for a name that is not known
 * (which is then ignored, as Kafka does) and to errors for a value that is wrong:
 * server.properties:12:16: num.partitions: "many" is not an integer. True without errors. */
bool config_load(struct config *c, struct slice file, const struct properties *p,
                 struct writer *warnings, struct writer *errors);

/* ---- a topic's or a group's configuration over its broker's ----------------------------------- */

/* What holds for a topic (or a group: tcfg is then K_GCFG_…): its own value, else the broker's synonym that
 * is set (hours and minutes are turned into milliseconds), else the default. */
int64_t topic_config_i64(const struct config *broker, const struct config *topic, int32_t tcfg);
struct slice topic_config_str(const struct config *broker, const struct config *topic,
                              int32_t tcfg);
/* Whether a list has the item. */
bool topic_config_has(const struct config *broker, const struct config *topic, int32_t tcfg,
                      struct slice item);
/* The broker's synonym that decides when a topic or group has no value of its own; -1: the default
 * does. */
int32_t config_synonym(const struct config *broker, const struct k_config *row);

#endif
