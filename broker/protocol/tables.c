#include "broker/protocol/tables.h"

#include "apis.h"
#include "errors.h"

/* The codes are contiguous from -1. */
static const struct k_error *
error_of(int16_t code)
{
    int i = code + 1;
    return &k_errors[i >= 0 && i < K_ERRS_N ? i : 0];
}

struct slice
k_err_name(int16_t code)
{
    return k_text(error_of(code)->name);
}

bool
k_err_is_retriable(int16_t code)
{
    return error_of(code)->retriable;
}

bool
k_err_is_stale_metadata(int16_t code)
{
    return error_of(code)->invalid_metadata;
}

const struct k_api *
k_api_of(int16_t key)
{
    return key >= 0 && key < K_APIS_N && k_apis[key].request >= 0 ? &k_apis[key] : NULL;
}

struct slice
k_api_name(int16_t key)
{
    return key >= 0 && key < K_APIS_N ? k_text(k_apis[key].name) : SLICE_NULL;
}
