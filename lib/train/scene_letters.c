#include "train/scene_letters.h"

/* Strokes of points, each a column (0 to 4) and a line (0 to 6); a space lifts the pen. */
static const char *const glyphs[] = {
    /* 0 to 9 */
    "103041453616050110", "122026 1636", "01103041420646", "0110304142334445361605", "300444 3236",
    "400003334445361605", "30110305163645443304", "004016", "1030414233130405163645443313020110",
    "4233130201103041433516",
    /* A to Z */
    "062046 1434", "06003041423303 3344453606", "4130100105163645", "00062644422000", "40000646 0333", "400006 0333",
    "41301001051636454323", "0006 4046 0343", "2026 1030 1636", "4045361605", "0006 4003 1246", "000646", "0600244046",
    "06004640", "103041453616050110", "06003041423303", "103041453616050110 2446", "06003041423303 2346",
    "413010010213334445361605", "0040 2026", "000516364540", "002640", "0016233640", "0046 4006", "002340 2326",
    "00400646"};

static void glyph_path(cairo_t *cr, const char *strokes, double x, double y, double height) {
  gboolean down = FALSE;
  for (const char *p = strokes; *p; p++) {
    if (*p == ' ') {
      down = FALSE;
      continue;
    }
    double px = x + (*p - '0') / 4. * FMN_LETTER_WIDTH * height, py = y + (p[1] - '0') / 6. * height;
    if (down)
      cairo_line_to(cr, px, py);
    else
      cairo_move_to(cr, px, py);
    down = TRUE;
    p++;
  }
}

void fmn_letter_path(cairo_t *cr, FmnRandom *r, double x, double y, double height) {
  glyph_path(cr, glyphs[fmn_random_below(r, G_N_ELEMENTS(glyphs))], x, y, height);
}

void fmn_digit_path(cairo_t *cr, int digit, double x, double y, double height) {
  glyph_path(cr, glyphs[CLAMP(digit, 0, 9)], x, y, height);
}
