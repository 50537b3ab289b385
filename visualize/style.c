/* Colours and type, light and dark, as classes: Okabe and Ito's palette, which people with any colour
 * vision tell apart (tests/unit/visualize/test_colours.c), and never colour alone. */
#include "visualize/timeline.h"

static const char style[] =
    "text{font-family:Verdana,'DejaVu Sans',Arial,sans-serif}\n"
    ".s9{font-size:9px}.s10{font-size:10px}.s11{font-size:11px}.s12{font-size:12px}.s13{font-size:"
    "13px}"
    ".s14{font-size:14px}.s20{font-size:20px}.bold{font-weight:bold}\n"
    ".halo{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}\n"
    ".paper{fill:#fff}.ink{fill:#111}.dim{fill:#555}.on-colour{fill:#fff}.on-light{fill:#111}\n"
    ".grid{stroke:#e6e6e6}.axis{stroke:#555}.lane{stroke:#c4c4c4}\n"
    ".cut{fill:#fff}.tear{stroke:#999;fill:none}\n"
    ".leader{fill:#0072b2}.follower{fill:#a9d8f2}.follower-edge{fill:none;stroke:#0072b2}\n"
    ".idle{fill:#eee}.down{fill:#d4d4d4}.down-x{fill:url(#crosses)}.fenced{fill:url(#hatch)}"
    ".paused{fill:#999}\n"
    ".hatch-line{stroke:#b34700;stroke-width:3}.cross-line{stroke:#555;fill:none;stroke-width:1.5}"
    "\n"
    ".control{fill:#e69f00}.control-2{fill:#f5cf80}\n"
    ".uncommitted{fill:#f0e442}.log-end{stroke:#111;fill:none;stroke-width:1.5}"
    ".high{stroke:#007a59;fill:none;stroke-width:1.5;stroke-dasharray:4 "
    "2}.high-text{fill:#00664a}\n"
    ".sent{fill:#cc79a7}.read{fill:#009e73}.silence{fill:none;stroke:#c04a00;stroke-dasharray:2 2}"
    ".alarm{fill:#b34700}\n"
    ".fault{fill:#111}.fault-bar{fill:#999}.fault-line{stroke:#111;stroke-dasharray:1 3}\n"
    ".good{fill:#007a59}.bad{fill:#b34700}\n"
    ".arrow{fill:none;stroke-width:1.2}.answer{stroke-dasharray:6 "
    "3}.a-control{stroke:#5c3f00}.f-control{fill:#5c3f00}"
    ".a-data{stroke:#a04f7d}.f-data{fill:#fff;stroke:#a04f7d}.a-lost{stroke:#c04a00;stroke-"
    "dasharray:3 2}"
    ".x-lost{stroke:#c04a00;stroke-width:2;fill:none}\n"
    ".dark{fill:#111}.n-bad,.n-fault{fill:#fff}"
    ".number{fill:#fff;stroke:#111}.number-bad{fill:#b34700;stroke:#b34700}"
    ".number-fault{fill:#111;stroke:#111}.stem{stroke:#111}\n"
    ".settled{fill:#a8c4a4}.open{fill:#a8cdec}.own-0{fill:#7fc0ea}.own-1{fill:#f5cf80}.own-2{fill:#"
    "b2ffc3}.own-3{fill:#cc79a7}"
    ".nobody{fill:none;stroke:#c4c4c4;stroke-dasharray:2 3}.metric{fill:#c04a00}\n"
    ".log-start{stroke:#5c3f00;fill:none;stroke-width:1.5;stroke-dasharray:7 2 1 "
    "2}.roll{stroke:#5c3f00;stroke-width:2}"
    ".committed{stroke:#a04f7d;fill:none;stroke-width:2;stroke-dasharray:2 "
    "2}.committed-text{fill:#8a3f69}"
    ".stable{stroke:#a04f7d;fill:none;stroke-width:1.5;stroke-dasharray:1 2}\n";

static const char style_dark[] =
    ".halo{stroke:#15181c}.paper,.cut{fill:#15181c}.ink,.on-light{fill:#eee}.dim{fill:#b0b0b0}\n"
    ".grid{stroke:#2a2e33}.axis{stroke:#aaa}.lane{stroke:#444}\n"
    ".follower{fill:#1d4e68}.idle{fill:#2a2e33}.down{fill:#3a3a3a}.cross-line{stroke:#aaa}"
    ".control-2{fill:#6b4a00}\n"
    ".uncommitted{fill:#6e6817}.log-end{stroke:#eee}.high{stroke:#3fd6ab}.high-text{fill:#3fd6ab}"
    ".alarm{fill:#ff9a5c}.silence{stroke:#ff9a5c}.hatch-line{stroke:#ff9a5c}\n"
    ".n-fault{fill:#111}.fault,.number-fault{fill:#eee}.fault-bar{fill:#777}.fault-line,.stem{"
    "stroke:#ccc}"
    ".number{fill:#15181c;stroke:#eee}.number-fault{stroke:#eee}\n"
    ".a-control{stroke:#ffd479}.f-control{fill:#ffd479}.a-data{stroke:#e3a3c7}.f-data{fill:#15181c;"
    "stroke:#e3a3c7}"
    ".a-lost,.x-lost{stroke:#ff9a5c}\n"
    ".settled{fill:#25452f}.open{fill:#1f4f7a}.own-0{fill:#0f3a52}.own-1{fill:#543a00}.own-2{fill:#"
    "14694f}.own-3{fill:#854d70}"
    ".log-start,.roll{stroke:#ffd479}.nobody{stroke:#555}.metric{fill:#ff9a5c}"
    ".committed,.stable{stroke:#e3a3c7}.committed-text{fill:#e3a3c7}\n";

/* A printer may have one colour: dark things black, light things white with an edge. */
static const char style_print[] =
    ".leader,.good,.bad{fill:#222}.follower,.settled,.open,.own-0,.own-1,.own-2,.own-3,.control,."
    "control-2{fill:#fff;stroke:#222}"
    ".follower-edge{stroke:#222}.sent,.read{fill:#777}.uncommitted,.metric{fill:#999}.high,."
    "committed,.stable{stroke:#222}"
    ".high-text,.alarm,.committed-text{fill:#111}.hatch-line,.cross-line,.silence,.x-lost,.a-lost,."
    "a-control,.a-data{stroke:#222}"
    ".log-start,.roll{stroke:#222}.f-control,.number-bad{fill:#222}.f-data{stroke:#222}\n";

void
svg_begin(struct writer *w, int64_t width, int64_t height, struct slice title,
          struct slice description, enum view_theme theme)
{
    fmt_str(w, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ");
    fmt_i64(w, width);
    fmt_char(w, ' ');
    fmt_i64(w, height);
    fmt_str(w, "\" width=\"");
    fmt_i64(w, width);
    fmt_str(w, "\" height=\"");
    fmt_i64(w, height);
    fmt_str(w, "\" aria-labelledby=\"title desc\">\n<title id=\"title\">");
    svg_escaped(w, title);
    fmt_str(w, "</title>\n<desc id=\"desc\">\n");
    fmt_slice(w, description);
    fmt_str(w, "</desc>\n<style>\n");
    fmt_str(w, style);
    if (theme == THEME_AUTO) fmt_str(w, "@media (prefers-color-scheme:dark){\n");
    if (theme == THEME_AUTO || theme == THEME_DARK) fmt_str(w, style_dark);
    if (theme == THEME_AUTO) fmt_str(w, "}\n");
    if (theme == THEME_PRINT) fmt_str(w, style_print);
    fmt_str(w,
            "</style>\n<defs>\n"
            "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
            "patternTransform=\"rotate(45)\"><line class=\"hatch-line\" x1=\"0\" y1=\"0\" x2=\"0\" "
            "y2=\"6\"/></pattern>\n"
            "<pattern id=\"crosses\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\">"
            "<path class=\"cross-line\" d=\"M4 4L8 8M8 4L4 8\"/></pattern>\n</defs>\n");
    svg_rect(w, "paper", 0, 0, width, height);
}
