/* The files that a browser gets, as they lie beside this one. */
#include "sim/play/control_internal.h"

#define FILE_IN(symbol, path) \
    __asm__(".section .rodata\n" \
            ".global " #symbol "\n" #symbol ":\n" \
            ".incbin \"" path "\"\n" \
            ".global " #symbol "_end\n" #symbol "_end:\n" \
            ".byte 0\n" \
            ".previous\n"); \
    extern const char symbol[], symbol##_end[]

FILE_IN(page_html, "sim/play/page.html");
FILE_IN(page_js, "sim/play/page.js");
FILE_IN(page_css, "sim/play/page.css");
FILE_IN(page_openapi, "sim/play/openapi.yaml");

const struct page pages[] = {
    {"/page.js", "text/javascript; charset=utf-8", page_js, page_js_end},
    {"/page.css", "text/css; charset=utf-8", page_css, page_css_end},
    {"/openapi.yaml", "application/yaml; charset=utf-8", page_openapi, page_openapi_end},
    {"/", "text/html; charset=utf-8", page_html, page_html_end},
    {NULL, NULL, NULL, NULL},
};
