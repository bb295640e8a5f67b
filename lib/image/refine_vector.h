/* Part of loops_vector.h: from what is known of each pixel to the mask. */

/* Sixteen bits hold 255 times the weights' sum. */
static void decide(const guint8 *restrict share, const guint8 *restrict soft, int share_weight, int soft_weight, int n,
                   guint8 *restrict mask) {
  guint16 a = (guint16)share_weight, b = (guint16)soft_weight, half = (guint16)(255 * (a + b) / 2);
  for (int i = 0; i < n; i++) {
    guint16 sum = (guint16)(share[i] * a + soft[i] * b);
    mask[i] = sum > half ? 255 : 0;
  }
}

static void enlarge(const guint8 *restrict near, const guint8 *restrict far, int n, guint16 *restrict line,
                    guint8 *restrict out) {
  line++;
  for (int x = 0; x < n; x++)
    line[x] = (guint16)(3 * near[x] + far[x]);
  line[-1] = line[0];
  line[n] = line[n - 1];
  for (int x = 0; x < n; x++) {
    guint16 own = (guint16)(3 * line[x] + 8);
    out[2 * x] = (guint8)((guint16)(own + line[x - 1]) >> 4);
    out[2 * x + 1] = (guint8)((guint16)(own + line[x + 1]) >> 4);
  }
}
