/* Where a network's time goes, layer by layer: layer-times ARCH[:OPTIONS] [THREADS [BATCH]]. With a batch also a training step.
 * Each time is the least of many runs, in microseconds an image, with the arithmetic speed of the layer's multiply-adds as
 * written (Winograd's algorithms do fewer). */
#include <stdio.h>
#include <stdlib.h>

#include "nets/nets.h"
#include "nn/step.h"
#include "train/optimizer.h"
#include "train/trainer.h"

#define ROUNDS 30

static void print_line(const char *name, const char *layer, FmnShape out, double us, double multiply_adds) {
  printf("%-28s %-12s %4dx%-4d x%-5d %9.1f us", name, layer, out.h, out.w, out.c, us);
  if (multiply_adds > 0)
    printf("  %7.1f GFLOPS", 2e-3 * multiply_adds / us);
  printf("\n");
}

static double step_work(const FmnStep *step, const FmnGraph *g) {
  for (int i = 0; i < fmn_graph_size(g); i++) { /* a step's configuration is a copy: find its node by the first that is alike */
    const FmnNode *node = fmn_graph_node(g, i);
    if (node->ops == step->ops && node->ops->multiply_adds && node->out.c == step->out.c && node->out.h == step->out.h &&
        node->in[0].c == step->in[0].c && node->in[0].h == step->in[0].h)
      return (double)node->ops->multiply_adds(node);
  }
  return 0;
}

static void infer(const FmnGraph *g, int threads) {
  FmnPlan *plan = fmn_plan_new(g);
  FmnRun *run = fmn_run_new(plan, 1, threads);
  double *best = g_new(double, plan->steps->len), total = 0;
  for (int round = 0; round < ROUNDS; round++)
    for (guint i = 0; i < plan->steps->len; i++) {
      gint64 start = g_get_monotonic_time();
      fmn_run_step(run, 1, (int)i);
      double us = (double)(g_get_monotonic_time() - start);
      best[i] = round ? MIN(best[i], us) : us;
    }
  for (guint i = 0; i < plan->steps->len; i++) {
    const FmnStep *step = fmn_plan_step(plan, (int)i);
    print_line("", step->ops->name, step->out, best[i], step_work(step, g));
    total += best[i];
  }
  printf("inference, %d threads: %.1f us\n", threads, total);
  g_free(best);
  fmn_run_free(run);
  fmn_plan_unref(plan);
}

typedef struct {
  GHashTable *best[2]; /* node → double * */
  gint64 last;
} Probe;

static void probe(gpointer data, const FmnNode *node, gboolean backward) {
  Probe *p = data;
  gint64 now = g_get_monotonic_time();
  double us = (double)(now - p->last), *best = g_hash_table_lookup(p->best[backward], node);
  if (!best) {
    best = g_new(double, 1);
    *best = us;
    g_hash_table_insert(p->best[backward], (gpointer)node, best);
  }
  *best = MIN(*best, us);
  p->last = g_get_monotonic_time();
}

static void train(FmnGraph *g, int threads, int batch) {
  FmnPool *pool = fmn_pool_new(threads);
  fmn_trainer_init_weights(g, 1);
  FmnTrainer *t = fmn_trainer_new(g, batch, pool, NULL);
  Probe p = {{g_hash_table_new_full(NULL, NULL, NULL, g_free), g_hash_table_new_full(NULL, NULL, NULL, g_free)}, 0};
  fmn_trainer_set_probe(t, probe, &p);
  for (int round = 0; round < ROUNDS / 3; round++) {
    p.last = g_get_monotonic_time();
    fmn_trainer_forward(t, batch, 1);
    p.last = g_get_monotonic_time();
    fmn_trainer_backward(t);
  }
  double total[2] = {0};
  for (int i = 0; i < fmn_graph_size(g); i++) {
    const FmnNode *node = fmn_graph_node(g, i);
    for (int backward = 0; backward < 2; backward++) {
      double *best = g_hash_table_lookup(p.best[backward], node);
      if (!best)
        continue;
      double work = node->ops->multiply_adds ? (double)node->ops->multiply_adds(node) * (backward ? 2 : 1) : 0;
      print_line(node->name ? node->name : "", backward ? "backward" : node->ops->name, node->out, *best / batch, work);
      total[backward] += *best / batch;
    }
  }
  printf("training, %d threads, batch %d: forward %.1f us, backward %.1f us an image\n", threads, batch, total[0], total[1]);
  for (int i = 0; i < 2; i++)
    g_hash_table_unref(p.best[i]);
  fmn_trainer_free(t);
  fmn_pool_free(pool);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s ARCH[:OPTIONS] [THREADS [BATCH]]\n", argv[0]);
    return 2;
  }
  int threads = argc > 2 ? atoi(argv[2]) : 1, batch = argc > 3 ? atoi(argv[3]) : 0;
  char **parts = g_strsplit(argv[1], ":", 2);
  GError *error = NULL;
  FmnGraph *g = fmn_net_build(parts[0], parts[1], 10, &error);
  if (!g) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  infer(g, threads);
  if (batch > 0)
    train(g, threads, batch);
  fmn_graph_free(g);
  g_strfreev(parts);
  return 0;
}
