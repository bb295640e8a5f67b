/* Part of vector.h: eˣ, the activations made of it, and their derivatives. */

/* Within 2 units in the last place; infinity, 0 and NaN where they are due. eˣ = 2ⁿ·eʳ with |r| ≤ ln 2 / 2; ln 2 in two parts
 * of which the first has few bits, so that n times it is exact; eʳ by the polynomial of Cephes's expf(). */
INLINE Vec exponential(Vec x) {
  x = at_most(at_least(x, -104.f), 89.f);
  Vec n = nearest(x * 1.44269504f);
  Vec r = x - n * .693359375f;
  r = r - n * -2.12194440e-4f;
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return scale_by_power(p * (r * r) + r + 1.f, n);
}

INLINE Vec sigmoid(Vec x) { return 1.f / (1.f + exponential(-x)); }

/* Below −104 swish is −0 in float32; held there, −∞ does not become NaN. */
INLINE Vec swish(Vec x) {
  x = at_least(x, -104.f);
  return x / (1.f + exponential(-x));
}

INLINE Vec act(Vec x, const FmnActivation kind, float slope) {
  switch (kind) {
  case FMN_ACT_RELU:
    return at_least(x, 0.f);
  case FMN_ACT_LEAKY_RELU:
    return pick(x < 0.f, x * slope, x);
  case FMN_ACT_SIGMOID:
    return sigmoid(x);
  case FMN_ACT_SWISH:
    return swish(x);
  case FMN_ACT_NONE:
    break;
  }
  return x;
}

/* act'(x) */
INLINE Vec act_grad(Vec x, const FmnActivation kind, float slope) {
  Vec s;
  switch (kind) {
  case FMN_ACT_RELU:
    return pick(x > 0.f, broadcast(1.f), broadcast(0.f));
  case FMN_ACT_LEAKY_RELU:
    return pick(x > 0.f, broadcast(1.f), broadcast(slope));
  case FMN_ACT_SIGMOID:
    s = sigmoid(x);
    return s * (1.f - s);
  case FMN_ACT_SWISH:
    s = sigmoid(x);
    return s + at_least(x, -104.f) * s * (1.f - s);
  case FMN_ACT_NONE:
    break;
  }
  return broadcast(1.f);
}

/* Runs a statement with KIND a constant, so that each activation gets a loop of its own without a choice in it. */
#define FOR_ACT(kind, statement)                                                                                       \
  switch (kind) {                                                                                                      \
  case FMN_ACT_NONE: { enum { KIND = FMN_ACT_NONE }; statement; } break;                                               \
  case FMN_ACT_RELU: { enum { KIND = FMN_ACT_RELU }; statement; } break;                                               \
  case FMN_ACT_LEAKY_RELU: { enum { KIND = FMN_ACT_LEAKY_RELU }; statement; } break;                                   \
  case FMN_ACT_SIGMOID: { enum { KIND = FMN_ACT_SIGMOID }; statement; } break;                                         \
  case FMN_ACT_SWISH: { enum { KIND = FMN_ACT_SWISH }; statement; } break;                                             \
  }

INLINE void activate_as(float *y, const float *x, gsize n, const FmnActivation kind, float slope) {
  gsize i = 0;
  for (; i + VEC_LANES <= n; i += VEC_LANES)
    store(y + i, act(load(x + i), kind, slope));
  if (i < n)
    store_part(y + i, act(load_part(x + i, n - i), kind, slope), n - i);
}

static void activate(float *y, const float *x, gsize n, FmnActivation kind, float slope) {
  FOR_ACT(kind, activate_as(y, x, n, (FmnActivation)KIND, slope))
}

INLINE void add_activate_as(float *y, const float *a, const float *b, gsize n, const FmnActivation kind, float slope) {
  gsize i = 0;
  for (; i + VEC_LANES <= n; i += VEC_LANES)
    store(y + i, act(load(a + i) + load(b + i), kind, slope));
  if (i < n)
    store_part(y + i, act(load_part(a + i, n - i) + load_part(b + i, n - i), kind, slope), n - i);
}

static void add_activate(float *y, const float *a, const float *b, gsize n, FmnActivation kind, float slope) {
  FOR_ACT(kind, add_activate_as(y, a, b, n, (FmnActivation)KIND, slope))
}

INLINE void activate_grad_as(float *dx, const float *dy, const float *x, gsize n, const FmnActivation kind, float slope) {
  gsize i = 0;
  for (; i + VEC_LANES <= n; i += VEC_LANES)
    store(dx + i, load(dy + i) * act_grad(load(x + i), kind, slope));
  if (i < n)
    store_part(dx + i, load_part(dy + i, n - i) * act_grad(load_part(x + i, n - i), kind, slope), n - i);
}

static void activate_grad(float *dx, const float *dy, const float *x, gsize n, FmnActivation kind, float slope) {
  FOR_ACT(kind, activate_grad_as(dx, dy, x, n, (FmnActivation)KIND, slope))
}

/* One register of the channels of an epilogue, n ≤ VEC_LANES of them from c on. */
typedef struct {
  Vec gain, bias, scale, shift;
  float slope;
} EpilogueVec;

INLINE EpilogueVec load_epilogue(const FmnEpilogue *e, gsize c, gsize n) {
  EpilogueVec v = {broadcast(1.f), broadcast(0.f), broadcast(1.f), broadcast(0.f), e->slope};
  if (e->gain)
    v.gain = load_part(e->gain + c, n);
  if (e->bias)
    v.bias = load_part(e->bias + c, n);
  if (e->scale) {
    v.scale = load_part(e->scale + c, n);
    v.shift = load_part(e->shift + c, n);
  }
  return v;
}

INLINE Vec apply_epilogue(Vec y, EpilogueVec e, const FmnActivation kind) {
  return act(y * e.gain + e.bias, kind, e.slope) * e.scale + e.shift;
}

INLINE void epilogue_as(float *y, gsize rows, gsize c, gsize stride, const FmnEpilogue *e, const FmnActivation kind) {
  for (gsize i = 0; i < c; i += VEC_LANES, y += VEC_LANES) {
    gsize n = MIN(VEC_LANES, c - i);
    EpilogueVec v = load_epilogue(e, i, n);
    if (n == VEC_LANES)
      for (gsize r = 0; r < rows; r++)
        store(y + r * stride, apply_epilogue(load(y + r * stride), v, kind));
    else
      for (gsize r = 0; r < rows; r++)
        store_part(y + r * stride, apply_epilogue(load_part(y + r * stride, n), v, kind), n);
  }
}

static void epilogue(float *y, gsize rows, gsize c, gsize stride, const FmnEpilogue *e) {
  if (e->act == FMN_ACT_NONE && !e->gain && !e->bias && !e->scale)
    return;
  FOR_ACT(e->act, epilogue_as(y, rows, c, stride, e, (FmnActivation)KIND))
}
